import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openModule } from '@holdfast/pkcs11';
import { type TemporaryToken, temporaryToken } from '@holdfast/pkcs11/testing';
import { createCertificateAuthority } from '../certificates.ts';
import { commandLine } from '../command-line.ts';
import { createCredential, writeProxyFiles } from '../proxy-files.ts';
import { type ServerProcess, startServer } from '../server-process.ts';
import type { Endpoint } from './connection.ts';
import type { Caller } from './requests.ts';

/** What proxies under load share: a token with keys, a certificate, a configuration. */
export interface LoadSetting {
  readonly directory: string;
  readonly configFile: string;
  readonly caller: Caller;
  readonly token: TemporaryToken;
  /** The request path of Encrypt under one of the keys, the first by default. */
  encryptPath(key?: number): string;
  /** Replaces the configuration, and what it names. */
  writeConfig(change: (toml: string) => string): void;
  /** Another certificate for the same name, of the same authority. */
  renewCertificate(): Promise<void>;
  endpoint(port: number): Endpoint;
  /** Starts the proxy by its command line, in a process of its own. */
  start(...options: readonly string[]): Promise<LoadProxy>;
  dispose(): void;
}

/** A proxy that listens, in a process of its own. */
export interface LoadProxy extends ServerProcess {
  readonly endpoint: Endpoint;
}

/** Prepares everything in one temporary folder, which does not outlive this process. */
export async function loadSetting({ keys = 1 }: { readonly keys?: number } = {}): Promise<LoadSetting> {
  const token = temporaryToken({ label: 'load' });
  const { directory } = token;
  const dispose = () => {
    process.removeListener('exit', dispose);
    token.dispose();
  };
  process.once('exit', dispose);
  generateKeys(token, keys);
  const authority = await createCertificateAuthority({ commonName: 'Load test CA' });
  const issue = () => authority.issue({ commonName: SERVER, dnsNames: [SERVER] });
  const credential = createCredential();
  const configFile = writeProxyFiles(directory, {
    certificate: await issue(),
    credential,
    token,
    region: REGION,
    store: STORE,
    keys: Array.from({ length: keys }, (_, key) => ({ externalKeyId: `key-${key}`, label: `key-${key}` })),
  });
  const original = readFileSync(configFile, 'utf8');
  const endpoint = (port: number): Endpoint => ({
    host: '127.0.0.1',
    port,
    servername: SERVER,
    ca: authority.certificatePem,
  });
  return {
    directory,
    configFile,
    caller: { credential, region: REGION, host: SERVER },
    token,
    encryptPath: (key = 0) => `/${STORE}/kms/xks/v1/keys/key-${key}/encrypt`,
    writeConfig: (change) => writeFileSync(configFile, change(original)),
    async renewCertificate() {
      const { certificatePem, keyPem } = await issue();
      writeFileSync(join(directory, 'proxy.key'), keyPem);
      writeFileSync(join(directory, 'proxy.pem'), certificatePem);
    },
    endpoint,
    async start(...options) {
      const serve = [
        ...NODE_OPTIONS,
        ...commandLine('xks-proxy'),
        'serve',
        '--config',
        configFile,
        ...options,
      ];
      const server = await startServer('xks-proxy', serve, token.environment);
      return { ...server, endpoint: endpoint(Number(server.listening['port'])) };
    },
    dispose,
  };
}

function generateKeys({ modulePath, label, pin }: TemporaryToken, keys: number): void {
  const module = openModule({ path: modulePath });
  const token = module.openToken({ label, pin });
  for (let key = 0; key < keys; key += 1) token.generateAesKey({ label: `key-${key}` });
  token.close();
  module.close();
}

// As the systemd unit and the container start it.
const NODE_OPTIONS = ['--max-semi-space-size=32'];
const SERVER = 'xks.load.example';
const STORE = 'tenant-1';
const REGION = 'eu-north-1';
