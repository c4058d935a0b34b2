import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { importKey, temporaryToken } from '@holdfast/pkcs11/testing';
import { createCertificateAuthority } from '../../examples/chain/certificates.ts';
import { createCredential } from '../../examples/chain/proxy-files.ts';
import { startServer } from '../../examples/chain/server-process.ts';
import type { Target } from './target.ts';

/** Everything a Holdfast proxy needs: a token with keys of known value, a certificate, a configuration. */
export interface ProxySetting {
  /** Starts the proxy whose sources are in this folder, in a process of its own. */
  start(sourceFolder: string): Promise<RunningProxy>;
  dispose(): void;
}

/** A proxy that listens. */
export interface RunningProxy {
  readonly target: Target;
  /** Resolves to the exit status of the process. */
  stop(): Promise<number | null>;
}

/** Creates the setting in temporary folders. */
export function createProxySetting(): ProxySetting {
  const token = temporaryToken({ label: 'conformance' });
  const enabledKeyValue = randomBytes(32);
  importKey(token, { label: 'known', value: enabledKeyValue });
  importKey(token, { label: 'encrypts', value: randomBytes(32), usages: ['ENCRYPT'] });
  importKey(token, { label: 'decrypts', value: randomBytes(32), usages: ['DECRYPT'] });
  const authority = createCertificateAuthority({ commonName: 'Conformance test CA' });
  const certificate = authority.issue({ commonName: SERVER, dnsNames: [SERVER] });
  const credential = createCredential();

  const directory = mkdtempSync(join(tmpdir(), 'holdfast-conformance-'));
  const files = {
    'server.pem': certificate.certificatePem,
    'server.key': certificate.keyPem,
    secret: credential.secretAccessKey,
    pin: token.pin,
    'config.toml': configuration(token, credential.accessKeyId),
  };
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
  }
  return {
    async start(sourceFolder) {
      const server = await startServer(
        'xks-proxy',
        [
          ...RUN_SOURCES,
          join(sourceFolder, 'cli', 'main.ts'),
          'serve',
          '--config',
          join(directory, 'config.toml'),
        ],
        token.environment,
      );
      const address = { host: '127.0.0.1', port: Number(server.listening['port']) };
      const { certificatePem: certificateAuthority } = authority;
      const target: Target = {
        server: SERVER,
        address,
        certificateAuthority,
        uriPath: `/${STORE}/kms/xks/v1`,
        region: REGION,
        credential,
        keys: KEYS,
        enabledKeyValue,
      };
      return { target, stop: () => server.stop() };
    },
    dispose() {
      rmSync(directory, { recursive: true, force: true });
      token.dispose();
    },
  };
}

function configuration(token: { modulePath: string; label: string }, accessKeyId: string): string {
  return `
[server]
port = 0
[server.tls]
certificate_file = "server.pem"
key_file = "server.key"
[token]
module = ${JSON.stringify(token.modulePath)}
label = "${token.label}"
pin_file = "pin"
[[stores]]
name = "${STORE}"
path_prefix = "/${STORE}"
regions = ["${REGION}"]
[[stores.credentials]]
access_key_id = "${accessKeyId}"
secret_access_key_file = "secret"
[[stores.keys]]
external_key_id = "${KEYS.enabled}"
label = "known"
[[stores.keys]]
external_key_id = "${KEYS.disabled}"
label = "known"
status = "DISABLED"
[[stores.keys]]
external_key_id = "${KEYS.encryptOnly}"
label = "encrypts"
[[stores.keys]]
external_key_id = "${KEYS.decryptOnly}"
label = "decrypts"
`;
}

const SERVER = 'xks.conformance.example';
const STORE = 'tenant-1';
const REGION = 'eu-north-1';
const KEYS = {
  enabled: 'orders-2026.v1_A',
  disabled: 'disabled',
  encryptOnly: 'encrypt-only',
  decryptOnly: 'decrypt-only',
  unknown: 'unknown',
} as const;

const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
const RUN_SOURCES = ['--import', tsx, '--conditions=@holdfast/source'];
