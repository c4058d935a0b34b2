import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { storeQuota } from '../../src/quota/quota.ts';
import { connectRedis } from '../../src/quota/redis.ts';
import { BASE, encryptBody } from '../fixtures/bodies.ts';
import { temporaryFolder } from '../fixtures/folder.ts';
import { startTestProxy } from '../fixtures/proxy.ts';

const REDIS_SERVER = ['/usr/bin/redis-server', '/usr/local/bin/redis-server'].find((path) =>
  existsSync(path),
);

/** A Redis server on a socket of its own. */
async function redisServer() {
  const socket = join(temporaryFolder(), 'redis.sock');
  const args = [
    '--port',
    '0',
    '--unixsocket',
    socket,
    '--save',
    '',
    '--appendonly',
    'no',
    '--requirepass',
    'sesame',
  ];
  const start = async () => {
    const child = spawn(REDIS_SERVER ?? '', args, { stdio: 'ignore', cwd: join(socket, '..') });
    const gone = new Promise((resolve) => void child.once('exit', resolve));
    await expect.poll(() => existsSync(socket), { timeout: 10_000 }).toBe(true);
    return {
      signal: (name: NodeJS.Signals) => void child.kill(name),
      async stop() {
        child.kill('SIGKILL');
        await gone;
      },
    };
  };
  const running = { server: await start() };
  onTestFinished(() => running.server.stop());
  return {
    socket,
    stop: () => running.server.stop(),
    /** Does not answer until it is to go on, like a machine that has lost its network. */
    pause: () => running.server.signal('SIGSTOP'),
    goOn: () => running.server.signal('SIGCONT'),
    async startAgain() {
      running.server = await start();
    },
  };
}

const outcomes = async (count: number, consume: () => Promise<void>) => {
  const results = await Promise.allSettled(Array.from({ length: count }, consume));
  return results.filter(({ status }) => status === 'fulfilled').length;
};
const perSecond = (requestsPerSecond: number, isShared = false) => ({ requestsPerSecond, isShared });

describe('the quota of a store', () => {
  it('lets so many requests a second through, and refuses the others with ThrottlingException', async () => {
    const quota = storeQuota('acme', perSecond(5), undefined);
    await expect(outcomes(8, () => quota.consume())).resolves.toBe(5);
    await expect(quota.consume()).rejects.toMatchObject({
      errorName: 'ThrottlingException',
      reason: 'quota',
    });
    await expect.poll(() => outcomes(1, () => quota.consume())).toBe(1);
  });

  it('is 429 for KMS, each store has its own, and health is not counted', async () => {
    const proxy = await startTestProxy((toml) =>
      toml.replace(
        'secret_access_key_file = "acmeNext.secret"\n',
        (line) => `${line}[stores.quota]\nrequests_per_second = 1\n`,
      ),
    );
    onTestFinished(() => proxy.close());
    const health = { requestMetadata: { kmsOperation: 'KmsHealthCheck', kmsRequestId: 'x' } };
    const encrypt = (base: string, changes = {}) =>
      proxy.call(`${base}/keys/orders/encrypt`, encryptBody(), changes);
    const calls = [1, 2, 3, 4, 5, 6].map(() => encrypt(BASE));
    const others = [1, 2, 3].map(() => encrypt('/kms/xks/v1', { signing: proxy.credentials.other }));
    const checks = [1, 2, 3].map(() => proxy.call(`${BASE}/health`, health));
    // Its signature has expired: requests that are not authenticated do not count.
    await proxy.call(`${BASE}/keys/orders/encrypt`, encryptBody(), { skewMs: 3_600_000 });
    const refused = (await Promise.all(calls)).filter(({ status }) => status !== 200);
    expect(refused.length).toBeGreaterThan(0);
    for (const answer of refused) {
      expect(answer).toMatchObject({ status: 429, json: { errorName: 'ThrottlingException' } });
    }
    expect((await Promise.all([...others, ...checks])).map(({ status }) => status)).toEqual([
      200, 200, 200, 200, 200, 200,
    ]);
  });
});

// Debian: apt-get install redis-server.
describe.skipIf(REDIS_SERVER === undefined)('a quota on a Redis server', () => {
  const connect = async (socket: string, whenOut: 'count-alone' | 'refuse', timeoutMs = 5_000) => {
    const { createSecretKey } = await import('node:crypto');
    const config = { url: socket, password: createSecretKey('sesame', 'utf8'), timeoutMs, whenOut };
    const client = await connectRedis(config);
    onTestFinished(() => client.disconnect());
    await expect.poll(() => client.status, { timeout: 10_000 }).toBe('ready');
    return { client, config };
  };

  it('is one for all instances', async () => {
    const { socket } = await redisServer();
    const instances = [await connect(socket, 'refuse'), await connect(socket, 'refuse')];
    const quotas = instances.map((shared) => storeQuota('acme', perSecond(10, true), shared));
    const counts = await Promise.all(quotas.map((quota) => outcomes(8, () => quota.consume())));
    expect(counts.reduce((sum, count) => sum + count)).toBe(10);
    const other = storeQuota('other', perSecond(10, true), instances[0]);
    await expect(outcomes(8, () => other.consume())).resolves.toBe(8);
  });

  it('is that of the instance alone while the server is out, and shared again when it is back', async () => {
    const redis = await redisServer();
    const shared = await connect(redis.socket, 'count-alone');
    const quota = storeQuota('acme', perSecond(5, true), shared);
    await expect(quota.consume()).resolves.toBeUndefined();
    await redis.stop();
    await expect.poll(() => shared.client.status).not.toBe('ready');
    await expect(outcomes(8, () => quota.consume())).resolves.toBe(5);
    await redis.startAgain();
    await expect.poll(() => shared.client.status, { timeout: 10_000 }).toBe('ready');
    await expect.poll(() => shared.client.keys('*')).toEqual([]);
    await expect.poll(() => outcomes(1, () => quota.consume())).toBe(1);
    await expect(shared.client.keys('*')).resolves.toEqual([expect.stringContaining('acme')]);
  });

  it('refuses all while the server is out, when it is to', async () => {
    const redis = await redisServer();
    const shared = await connect(redis.socket, 'refuse');
    const quota = storeQuota('acme', perSecond(5, true), shared);
    await redis.stop();
    await expect.poll(() => shared.client.status).not.toBe('ready');
    const startedAt = performance.now();
    const refusal = { errorName: 'ThrottlingException', reason: 'quota-uncounted' };
    await expect(quota.consume()).rejects.toMatchObject(refusal);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('waits for a silent server no longer than a second, and refuses at once from then on', async () => {
    const redis = await redisServer();
    const shared = await connect(redis.socket, 'refuse', 200);
    const quota = storeQuota('acme', perSecond(1_000, true), shared);
    const refused = () => quota.consume().catch(({ reason }: { reason: unknown }) => reason);
    await expect.poll(refused).toBeUndefined();
    redis.pause();
    await expect(refused()).resolves.toBe('quota-uncounted');
    await expect.poll(() => shared.client.status).not.toBe('ready');
    const startedAt = performance.now();
    for (let call = 0; call < 20; call += 1) await expect(refused()).resolves.toBe('quota-uncounted');
    // Four seconds if each request waited.
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    redis.goOn();
    await expect.poll(refused, { timeout: 10_000 }).toBeUndefined();
  });

  it('counts the requests of a proxy', async () => {
    const { socket } = await redisServer();
    const proxy = await startTestProxy((toml) => {
      const passwordFile = `${socket}.password`;
      writeFileSync(passwordFile, 'sesame\n', { mode: 0o600 });
      const quota = '[stores.quota]\nrequests_per_second = 1\nshared = true\n';
      const redis = `\n[redis]\nurl = "${socket}"\npassword_file = "${passwordFile}"\ntimeout_ms = 150\n`;
      return toml.replace('secret_access_key_file = "acmeNext.secret"\n', (line) => line + quota) + redis;
    });
    onTestFinished(() => proxy.close());
    const watch = await connect(socket, 'refuse');
    const encrypt = () => proxy.call(`${BASE}/keys/orders/encrypt`, encryptBody());
    const counted = async () => {
      await encrypt();
      return (await watch.client.keys('*')).length;
    };
    await expect.poll(counted, { timeout: 10_000 }).toBe(1);
  });
});
