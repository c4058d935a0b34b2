import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importAesKey, temporaryToken } from '@holdfast/pkcs11/testing';
import { createCertificateAuthority } from '@holdfast/testbed/certificates';
import { commandLine } from '@holdfast/testbed/command-line';
import { createCredential, writeProxyFiles } from '@holdfast/testbed/proxy-files';
import { startServer } from '@holdfast/testbed/server-process';
import type { Target } from '../../packages/xks-proxy/src/conformance/target.ts';
import { clientAuthority } from '../../packages/xks-proxy/test/fixtures/client-certificates.ts';
import { RUNS_TYPESCRIPT } from '../../tools/vitest/runs-typescript.ts';

/** Everything a Holdfast proxy needs: a token with keys of known value, a certificate, a configuration. */
export interface ProxySetting {
  /** Starts the proxy by its command line, in a process of its own. */
  start(): Promise<RunningProxy>;
  /** Starts proxies that are one file each, all in one other process; their calls of the token are inline. */
  startCopies(files: readonly string[]): Promise<RunningProxies>;
  dispose(): void;
}

/** A proxy that listens. */
interface RunningProxy {
  readonly target: Target;
  stop(): Promise<unknown>;
}

/** Proxies that listen, in the order of their files. */
interface RunningProxies {
  readonly targets: readonly Target[];
  stop(): Promise<unknown>;
}

/** Creates the setting in temporary folders. */
export async function createProxySetting(): Promise<ProxySetting> {
  const token = temporaryToken({ label: 'conformance' });
  const enabledKeyValue = randomBytes(32);
  importAesKey(token, { label: 'known', value: enabledKeyValue });
  importAesKey(token, { label: 'encrypts', value: randomBytes(32), usages: ['ENCRYPT'] });
  importAesKey(token, { label: 'decrypts', value: randomBytes(32), usages: ['DECRYPT'] });
  const authority = await createCertificateAuthority({ commonName: 'Conformance test CA' });
  const certificate = await authority.issue({ commonName: SERVER, dnsNames: [SERVER] });
  const credential = createCredential();

  const directory = mkdtempSync(join(tmpdir(), 'holdfast-conformance-'));
  const configFile = writeProxyFiles(directory, {
    certificate,
    credential,
    token,
    region: REGION,
    store: STORE,
    keys: [
      { externalKeyId: KEYS.enabled, label: 'known' },
      { externalKeyId: KEYS.disabled, label: 'known', status: 'DISABLED' },
      { externalKeyId: KEYS.encryptOnly, label: 'encrypts' },
      { externalKeyId: KEYS.decryptOnly, label: 'decrypts' },
    ],
  });
  const clients = await clientAuthority();
  const client = await clients.issue([CLIENT]);
  writeFileSync(join(directory, 'clients.pem'), clients.certificatePem);
  const keyFile = 'key_file = "proxy.key"\n';
  const forClients = `client_ca_file = "clients.pem"\nclient_common_names = ["${CLIENT}"]\n`;
  const toml = readFileSync(configFile, 'utf8').replace(keyFile, keyFile + forClients);
  writeFileSync(configFile, toml);
  const target = (port: unknown): Target => ({
    host: SERVER,
    address: { host: '127.0.0.1', port: Number(port), servername: SERVER },
    certificateAuthority: authority.certificatePem,
    clientCertificate: { certificatePem: client.cert, keyPem: client.key },
    uriPath: `/${STORE}/kms/xks/v1`,
    region: REGION,
    credential,
    caller: {
      awsPrincipalArn: 'arn:aws:iam::123456789012:user/Alice',
      kmsKeyArn: `arn:aws:kms:${REGION}:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab`,
    },
    keys: KEYS,
    enabledKeyValue,
    timeoutMs: 10_000,
  });
  const run = (...parameters: readonly string[]) => startServer('xks-proxy', parameters, token.environment);
  return {
    async start() {
      const server = await run(...commandLine('xks-proxy'), 'serve', '--config', configFile);
      return { target: target(server.listening['port']), stop: () => server.stop() };
    },
    async startCopies(files) {
      const inline = join(directory, 'inline.toml');
      writeFileSync(inline, toml.replace('[[tokens]]\n', '[[tokens]]\ncalls = "inline"\n'));
      const server = await run(RUNS_TYPESCRIPT, HOST_OF_COPIES, inline, ...files);
      const { ports } = server.listening;
      if (!Array.isArray(ports)) throw new Error('the copies told no ports');
      return { targets: ports.map(target), stop: () => server.stop() };
    },
    dispose() {
      rmSync(directory, { recursive: true, force: true });
      token.dispose();
    },
  };
}

const HOST_OF_COPIES = fileURLToPath(new URL('host-of-copies.ts', import.meta.url));
const SERVER = 'xks.conformance.example';
const CLIENT = 'cks.kms.eu-north-1.amazonaws.com';
const STORE = 'tenant-1';
const REGION = 'eu-north-1';
const KEYS = {
  enabled: 'orders-2026.v1_A',
  disabled: 'disabled',
  encryptOnly: 'encrypt-only',
  decryptOnly: 'decrypt-only',
  unknown: 'unknown',
} as const;
