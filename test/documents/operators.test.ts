import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { temporaryToken } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { runCommandHere } from '../../packages/xks-proxy/test/fixtures/command.ts';

const SETTINGS = `
server = { ip = "0.0.0.0", port = 443, region = "eu-north-1", service = "kms-xks-proxy" }
pkcs11 = { user_pin = "1234", PKCS11_HSM_MODULE = "/usr/lib/softhsm/libsofthsm2.so" }
[[external_key_stores]]
uri_path_prefix = "/acme"
sigv4_access_key_id = "ACMEACMEACMEACMEACME"
sigv4_secret_access_key = "${'A'.repeat(43)}"
xks_key_id_set = ["orders"]
`;

/** The command lines of a document in the order that they stand there, but for `serve`, which does not end. */
function commandLines(document: string): string[] {
  const text = readFileSync(document, 'utf8');
  return [...text.matchAll(/^```sh\n([^]*?)^```$/gm)]
    .flatMap(([, code = '']) => code.split('\n'))
    .flatMap(
      (line) =>
        /^(?:sudo -u \S+ )?(?:xks-proxy|node packages\/xks-proxy\/dist\/cli\/main\.js) (.+)$/.exec(
          line,
        )?.[1] ?? [],
    )
    .filter((line) => !line.startsWith('serve'));
}

describe.each([
  ['packages/xks-proxy/README.md', 'xks/', 3],
  ['packages/xks-proxy/docs/commands.md', '/etc/xks-proxy', 17],
  ['packages/xks-proxy/docs/deployment.md', '/etc/xks-proxy', 2],
])('an operator who follows %s', (document, place, count) => {
  const lines = commandLines(document);
  let token: ReturnType<typeof temporaryToken>;
  let folder: string;
  beforeAll(() => {
    token = temporaryToken({ label: 'of somebody else' });
    vi.stubEnv('PKCS11_MODULE', token.modulePath);
    folder = mkdtempSync(join(tmpdir(), 'holdfast-operator-'));
    writeFileSync(join(folder, 'settings.toml'), SETTINGS);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
    token.dispose();
  });

  test('has commands to type', () => {
    expect(lines).toHaveLength(count);
  });

  let accessKeyId = '';
  test.each(lines)('succeeds with %s', async (line) => {
    const here = line
      .replaceAll(place, place.endsWith('/') ? `${folder}/xks/` : folder)
      .replace('--folder xks ', `--folder ${folder}/xks `)
      .replace(' settings.toml', ` ${folder}/settings.toml`)
      .replace('ACCESSKEYID', accessKeyId);
    const { status, stdout, stderr } = await runCommandHere(...here.split(/\s+/));
    accessKeyId = /access key id +(\w+)/.exec(stdout)?.[1] ?? accessKeyId;
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });
});
