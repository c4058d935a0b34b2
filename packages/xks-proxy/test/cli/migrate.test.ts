import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { selfSigned } from '../../src/init/self-signed.ts';
import { clientAuthority } from '../fixtures/client-certificates.ts';
import { runCommandHere } from '../fixtures/command.ts';

let folder: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-migrate-'));
  const { certificate, key } = await selfSigned('xks.example.com');
  writeFileSync(join(folder, 'server.pem'), certificate);
  writeFileSync(join(folder, 'server.key'), key);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Migrates settings into the folder `output`. */
function migrated(text: string, certificateFile = 'server.pem', ...more: readonly string[]) {
  writeFileSync(join(folder, 'settings.toml'), text);
  const options = {
    '--output': join(folder, 'output'),
    '--token-label': 'prod',
    '--certificate-file': join(folder, certificateFile),
    '--key-file': join(folder, 'server.key'),
  };
  return runCommandHere('migrate', join(folder, 'settings.toml'), ...Object.entries(options).flat(), ...more);
}

it('writes the files of a proxy, once they are known to be right', async () => {
  expect(await migrated(SETTINGS, 'nothing.pem')).toMatchObject({ status: 2 });
  expect(existsSync(join(folder, 'output'))).toBe(false);
  expect(await migrated(SETTINGS)).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(join(folder, 'output')).sort()).toEqual([
    'ACMEACMEACMEACMEACME.secret',
    'acme.credentials.toml',
    'acme.keys.toml',
    'config.toml',
    'pin',
  ]);
});

it('has the proxy count messages beside the configuration, or in the folder that is given', async () => {
  const counts = () => loadConfig(join(folder, 'output', 'config.toml')).ivBudget.stateDirectory;
  await migrated(SETTINGS);
  expect(counts()).toBe(join(folder, 'output', 'state'));
  rmSync(join(folder, 'output'), { recursive: true });
  await migrated(SETTINGS, 'server.pem', '--state-dir', join(folder, 'counts'));
  expect(counts()).toBe(join(folder, 'counts'));
});

it('writes nothing with a certificate that is not valid yet', async () => {
  const { cert, key } = await (await clientAuthority()).issue(['localhost'], [1, 2], 'serverAuth');
  writeFileSync(join(folder, 'server.pem'), cert);
  writeFileSync(join(folder, 'server.key'), key);
  expect(await migrated(SETTINGS)).toMatchObject({ status: 2 });
  expect(existsSync(join(folder, 'output'))).toBe(false);
});

it('writes nothing where a file is in the way', async () => {
  mkdirSync(join(folder, 'output'));
  writeFileSync(join(folder, 'output', 'config.toml'), '');
  const { status, stderr } = await migrated(SETTINGS);
  expect(status).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(readdirSync(join(folder, 'output'))).toEqual(['config.toml']);
});

it('writes nothing elsewhere, whatever the access key id is', async () => {
  const before = readdirSync(folder);
  const text = SETTINGS.replace('ACMEACMEACMEACMEACME', 'BAD/../../evil');
  expect(await migrated(text)).toMatchObject({ status: 2 });
  expect(readdirSync(folder).sort()).toEqual([...before, 'settings.toml'].sort());
});

it('looks for no token on behalf of settings of another program', async () => {
  const file = join(folder, 'settings.toml');
  writeFileSync(file, '[server]\nport = 8443\n');
  expect(await runCommandHere('migrate', file, '--output', join(folder, 'output'))).toMatchObject({
    status: 2,
  });
});

const SETTINGS = `
[server]
port = 8443
region = "eu-north-1"
[[external_key_stores]]
uri_path_prefix = "/acme"
sigv4_access_key_id = "ACMEACMEACMEACMEACME"
sigv4_secret_access_key = "OnlyForThisTestAndOfTheLengthThatKmsAsksFor00"
xks_key_id_set = ["orders"]
[pkcs11]
user_pin = "98765432"
PKCS11_HSM_MODULE = "/opt/hsm/module.so"
`;
