import { createSecretKey, randomBytes } from 'node:crypto';
import type * as WorkerThreads from 'node:worker_threads';
import { importAesKey, outsider, type TemporaryToken, temporaryToken } from '@holdfast/pkcs11/testing';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { TokenConfig } from '../../src/config/config.ts';
import { deadlineIn } from '../../src/deadline.ts';
import { callWatch } from '../../src/devices/call-watch.ts';
import { connectToken, type TokenConnection } from '../../src/devices/token-connection.ts';

// The limits by which a system refuses a thread do not apply to root.
const system = vi.hoisted(() => ({ refusesThreads: false }));
vi.mock('node:worker_threads', async (original) => {
  const real = await original<typeof WorkerThreads>();
  class Worker extends real.Worker {
    constructor(...parameters: ConstructorParameters<typeof real.Worker>) {
      if (system.refusesThreads) {
        throw Object.assign(new Error('EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' });
      }
      super(...parameters);
    }
  }
  return { ...real, Worker };
});

/** A token whose calls run in threads. */
async function connection(maxSessions: number): Promise<TokenConnection> {
  const token = temporaryToken({ label: 'threads' });
  const connected = await connectToken(tokenConfig(token, { maxSessions }));
  onTestFinished(async () => {
    system.refusesThreads = false;
    await connected.close();
    token.dispose();
  });
  return connected;
}

function tokenConfig({ modulePath, label, pin }: TemporaryToken, change: Partial<TokenConfig>): TokenConfig {
  return {
    name: 'threads',
    module: modulePath,
    selector: { label },
    pin: createSecretKey(pin, 'utf8'),
    calls: 'worker',
    iv: 'supplied',
    maxSessions: 1,
    healthKeyLabel: undefined,
    cluster: undefined,
    ...change,
  };
}

it('requests whose calls are inline share one session, and none counts the time of another', async () => {
  const token = temporaryToken({ label: 'inline' });
  importAesKey(token, { label: 'orders', value: randomBytes(32) });
  const connected = await connectToken(tokenConfig(token, { calls: 'inline', maxSessions: 1 }));
  onTestFinished(async () => {
    await connected.close();
    token.dispose();
  });
  const nothing = new Uint8Array(0);
  const input = {
    selector: { label: 'orders' },
    aad: nothing,
    plaintext: randomBytes(32),
    additionalAuthenticatedData: nothing,
    ciphertextMetadata: nothing,
  };
  const startedAt = performance.now();
  const watches = Array.from({ length: 60 }, () => callWatch(deadlineIn(10_000)));
  await Promise.all(
    watches.map(async (watch, index) => {
      const device = watch.over(connected.device);
      if (index % 3 === 0) await device.usages(input.selector);
      else if (index % 3 === 1) await device.encryptChecked(input);
      else
        await expect(device.usages({ label: 'missing' })).rejects.toMatchObject({
          errorName: 'KeyNotFoundException',
        });
    }),
  );
  const elapsedMs = performance.now() - startedAt;
  const tokenMs = watches.map((watch) => watch.elapsedMs());
  expect(Math.min(...tokenMs)).toBeGreaterThan(0);
  expect(tokenMs.reduce((sum, ms) => sum + ms)).toBeLessThanOrEqual(elapsedMs);
});

it('a call for which the system allows no thread fails as of a token that is out, until there are threads again', async () => {
  system.refusesThreads = true;
  const connected = await connection(2);
  for (let round = 0; round < 3; round += 1) {
    await expect(connected.device.ping()).rejects.toMatchObject({
      errorName: 'InternalException',
      cause: { code: 'TOKEN_UNAVAILABLE', cause: { code: 'ERR_WORKER_INIT_FAILED' } },
    });
    await connected.renewed();
    expect(connected.counts()).toEqual({ limit: 2, open: 0, idle: 0, hung: 0 });
  }
  system.refusesThreads = false;
  await connected.device.ping();
});

it('threads that there are do the work of those that the system does not allow', async () => {
  const connected = await connection(8);
  system.refusesThreads = true;
  await Promise.all(Array.from({ length: 32 }, () => connected.device.ping()));
  expect(connected.counts()).toEqual({ limit: 8, open: 4, idle: 4, hung: 0 });
});

it('no key encrypts under another where the module restarts while one connection takes the place of another', async () => {
  const token = temporaryToken({ label: 'threads' });
  for (const [at, label] of ['a', 'd'].entries()) {
    importAesKey(token, { label, value: new Uint8Array(32).fill(at + 1) });
  }
  const before = await connectToken(tokenConfig(token, {}));
  const seal = async ({ device }: TokenConnection, label: string) => {
    const input = { selector: { label }, aad: Buffer.from('context'), plaintext: Buffer.from(label) };
    return { ...input, ...(await device.encrypt(input)) };
  };
  await seal(before, 'a');
  const after = await connectToken(
    tokenConfig(token, { maxSessions: 2, selector: { serial: before.info.serial } }),
    { isInUse: true },
  );
  const stranger = outsider(token);
  onTestFinished(async () => {
    stranger.leave();
    await before.close();
    await after.close();
    token.dispose();
  });
  stranger.finalizeModule();
  stranger.initializeModule();
  // One of them opens the session that the earlier thread had, and the next search finds a key under its handle.
  await Promise.all([after.device.ping(), after.device.ping()]);
  await seal(after, 'd');
  const { plaintext, ...sealed } = await seal(before, 'a');
  const opened = await after.device.decrypt(sealed);
  expect(opened).toEqual(new Uint8Array(plaintext));
});
