import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { KMSClient } from '@aws-sdk/client-kms';
import { createLocalKms } from '@holdfast/local-kms';
import { startTestProxy, type TestProxy } from '../../packages/local-kms/test/fixtures/proxy.ts';
import type { KeyStoreSettings, People, Target } from './probe.ts';

/** An implementation that runs. */
export interface RunningTarget extends Target {
  stop(): Promise<void>;
}

/** The local KMS of this repository, in this process. */
export async function startLocalKms(): Promise<RunningTarget> {
  const proxy = await startTestProxy();
  const kms = await createLocalKms({
    region: REGION,
    xksHosts: { [proxy.host]: proxy.address },
    xksCertificateAuthorities: proxy.certificate,
    xksTimeoutMs: 10_000,
  }).listen();
  const guarded = await createLocalKms({ region: REGION, auth: 'enforce', principals: PRINCIPALS }).listen();
  const clients = clientsOf(kms.url);
  const clientsOfPeople = clientsOf(guarded.url);
  return {
    ...clients,
    keyStore: async () => settingsOf(proxy),
    people: async () => peopleOf(clientsOfPeople, ACCOUNT),
    async stop() {
      clients.destroy();
      clientsOfPeople.destroy();
      await guarded.close();
      await kms.close();
      await proxy.close();
    },
  };
}

/** The server of moto; undefined where it is not installed. */
export async function startMoto(): Promise<RunningTarget | undefined> {
  const port = await freePort();
  const child = spawn(MOTO, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  if (!(await isServing(child, url))) return undefined;
  const clients = clientsOf(url);
  return {
    ...clients,
    keyStore: () => Promise.reject(new Error('no external key store can be reached')),
    people: async () => peopleOf(clients, MOTO_ACCOUNT),
    async stop() {
      clients.destroy();
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    },
  };
}

function clientsOf(endpoint: string) {
  const clients: KMSClient[] = [];
  const newClient = (region: string, accessKeyId: string): KMSClient => {
    const credentials = { accessKeyId, secretAccessKey: SECRET };
    const client = new KMSClient({ region, endpoint, credentials, maxAttempts: 1 });
    clients.push(client);
    return client;
  };
  return {
    client: newClient(REGION, 'probes'),
    clientIn: (region: string) => newClient(region, 'probes'),
    clientAs: (accessKeyId: string) => newClient(REGION, accessKeyId),
    destroy: () => {
      for (const client of clients) client.destroy();
    },
  };
}

function peopleOf({ clientAs }: ReturnType<typeof clientsOf>, account: string): People {
  const person = (name: keyof typeof USERS) => ({
    arn: `arn:aws:iam::${account}:user/${name}`,
    client: clientAs(USERS[name].accessKeys[0].accessKeyId),
  });
  return { admin: person('admin'), user: person('user') };
}

function settingsOf({ host, uriPath }: TestProxy): KeyStoreSettings {
  const credential = {
    AccessKeyId: 'ABCDEFGHIJKLMNOPQRST234567',
    RawSecretAccessKey: 'aSecretOfTheProbesThatIsNotUsedAnywhereElse+/=',
  };
  return { endpoint: `https://${host}`, path: uriPath, credential };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  await new Promise((resolve) => server.close(resolve));
  if (port === undefined) throw new Error('a TCP server has a port');
  return port;
}

/** Whether the process begins to answer before it ends, or a minute has passed. */
async function isServing(child: ChildProcess, url: string): Promise<boolean> {
  let failed = false;
  child.once('error', () => (failed = true));
  const isOver = () => failed || child.exitCode !== null;
  for (const started = performance.now(); !isOver() && performance.now() - started < 60_000; ) {
    const answered = await fetch(url).then(
      () => true,
      () => false,
    );
    if (answered) return true;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill();
  return false;
}

const REGION = 'eu-north-1';
const MOTO = 'moto_server';
const MOTO_ACCOUNT = '123456789012';
const ACCOUNT = '000000000000';
const SECRET = 'probes';
const EVERYTHING = {
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Action: 'kms:*', Resource: '*' },
};
const USERS = {
  admin: {
    accessKeys: [{ accessKeyId: 'ADMIN', secretAccessKey: SECRET }],
    policies: { everything: EVERYTHING },
  },
  user: { accessKeys: [{ accessKeyId: 'USER', secretAccessKey: SECRET }] },
} as const;
const PRINCIPALS = { accounts: { [ACCOUNT]: { users: USERS } } };
