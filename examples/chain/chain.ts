import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KMS } from '@aws-sdk/client-kms';
import { openModule } from '@holdfast/pkcs11';
import { temporaryToken } from '@holdfast/pkcs11/testing';
import { createCertificateAuthority } from '@holdfast/testbed/certificates';
import { commandLine } from '@holdfast/testbed/command-line';
import { createCredential, writeProxyFiles } from '@holdfast/testbed/proxy-files';
import { type ServerProcess, startServer } from '@holdfast/testbed/server-process';
import { connectKeyStore, createKey } from './key-store.ts';
import { type KmsCall, recordCalls } from './kms-calls.ts';

/** Everything between an application and a key on a token, running on this machine. */
export interface Chain {
  /** The temporary folder that holds all of it: token, configuration, certificates. */
  readonly directory: string;
  readonly proxy: ServerProcess;
  readonly localKms: ServerProcess;
  readonly kmsUrl: string;
  readonly region: string;
  /** The AWS SDK's own client, talking to the local KMS. */
  readonly kms: KMS;
  /** What `kms` has called so far. */
  readonly calls: readonly KmsCall[];
  /** The KMS key, whose material is on the token. */
  readonly keyArn: string;
  /** Stops both servers and removes the folder. */
  close(): Promise<void>;
}

/** Reports one piece of work, does it, and gives its result. */
export type Step = <T>(title: string, work: () => Promise<T>, describe: (result: T) => string) => Promise<T>;

/**
 * Starts the chain from nothing: a token with an AES-256 key that cannot leave it, the XKS proxy in front of it, the
 * local KMS, and in it an external key store that is connected to the proxy and a KMS key in that store.
 *
 * @param options.step told of each part as it is started
 * @throws Error if a part does not start; what had been started is stopped and removed again
 */
export async function startChain({
  step = (_title, work) => work(),
}: {
  readonly step?: Step;
} = {}): Promise<Chain> {
  const token = temporaryToken({ label: 'holdfast' });
  const { directory } = token;
  // Also when this process ends in a way that leaves no time to close.
  const removeFolder = () => token.dispose();
  process.once('exit', removeFolder);
  const servers: ServerProcess[] = [];
  let kms: KMS | undefined;
  const close = async () => {
    kms?.destroy();
    await Promise.all(servers.map((server) => server.stop()));
    process.removeListener('exit', removeFolder);
    removeFolder();
  };

  try {
    await step(
      'token',
      async () => createTokenKey(token),
      () => `AES-256 key "${EXTERNAL_KEY_ID}", made on the token, sensitive and not extractable`,
    );
    const credential = createCredential();
    const authority = await createCertificateAuthority();
    const authorityFile = join(directory, 'ca.pem');
    writeFileSync(authorityFile, authority.certificatePem);
    const configuration = writeProxyFiles(directory, {
      certificate: await authority.issue({ commonName: PROXY_HOST, dnsNames: [PROXY_HOST] }),
      credential,
      token,
      region: REGION,
      store: STORE,
      keys: [{ externalKeyId: EXTERNAL_KEY_ID, label: EXTERNAL_KEY_ID }],
    });
    const proxy = await step(
      'XKS proxy',
      () =>
        startServer(
          'xks-proxy',
          [...commandLine('xks-proxy'), 'serve', '--config', configuration],
          token.environment,
        ),
      ({ listening }) => `https://${PROXY_HOST}/${STORE} is 127.0.0.1:${String(listening['port'])}, own CA`,
    );
    servers.push(proxy);
    const localKms = await step(
      'local KMS',
      () =>
        startServer('local-kms', [
          ...commandLine('local-kms'),
          'serve',
          '--port=0',
          `--region=${REGION}`,
          `--account=${ACCOUNT}`,
          `--xks-host=${PROXY_HOST}=127.0.0.1:${String(proxy.listening['port'])}`,
          `--xks-ca=${authorityFile}`,
          // AWS KMS gives a proxy 250 ms; a machine that is just starting all of this may once need longer.
          '--xks-timeout=1000',
        ]),
      ({ listening }) => String(listening['url']),
    );
    servers.push(localKms);
    const kmsUrl = String(localKms.listening['url']);
    const client = new KMS({
      region: REGION,
      endpoint: kmsUrl,
      credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    });
    kms = client;
    const calls = recordCalls(client);
    const keyStoreId = await step(
      'key store',
      () => connectKeyStore(client, { name: STORE, proxyHost: PROXY_HOST, credential }),
      (id) => `${id} is connected to the proxy`,
    );
    const keyArn = await step(
      'KMS key',
      () => createKey(client, { keyStoreId, externalKeyId: EXTERNAL_KEY_ID }),
      (arn) => `${arn} stands for the key on the token`,
    );
    return { directory, proxy, localKms, kmsUrl, region: REGION, kms: client, calls, keyArn, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function createTokenKey({
  modulePath,
  label,
  pin,
}: {
  modulePath: string;
  label: string;
  pin: string;
}): void {
  const module = openModule({ path: modulePath });
  try {
    const token = module.openToken({ label, pin });
    token.generateAesKey({ label: EXTERNAL_KEY_ID, usages: ['ENCRYPT', 'DECRYPT'] });
    token.close();
  } finally {
    module.close();
  }
}

const REGION = 'eu-north-1';
const ACCOUNT = '111122223333';
const PROXY_HOST = 'xks.holdfast.test';
const STORE = 'acme';
const EXTERNAL_KEY_ID = 'orders';
