import { createSecretKey } from 'node:crypto';
import { openModule } from '@holdfast/pkcs11';
import { outsider, type TemporaryToken, temporaryToken } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { threadPool } from '../../src/devices/threads/thread-pool.ts';
import { threadSettings } from '../../src/devices/threads/thread-settings.ts';

let token: TemporaryToken;
beforeAll(() => {
  token = temporaryToken({ label: 'pool' });
  const module = openModule({ path: token.modulePath });
  module.initializeToken({ label: OTHER.label, pin: token.pin, soPin: token.soPin });
  module.close();
});
afterAll(() => token.dispose());

it('goes on with its open threads when one more cannot log in, while two logins do not return', async () => {
  const { pool, block, useOtherToken } = await openPool();
  block();
  useOtherToken();
  await expect(pings(pool, 6)).resolves.toBe(6);
  await expect.poll(() => pool.counts().threads).toBe(4);
  expect(pool.isStuck()).toBe(false);
  await expect(pings(pool, 4)).resolves.toBe(4);
});

it('refuses calls at once while two logins do not return, and is not stuck yet, as they may return', async () => {
  const { pool, block, unblock, closeAllSessions } = await openPool();
  block();
  closeAllSessions();
  await expect(pings(pool, 4)).resolves.toBe(0);
  await expect(pool.run({ kind: 'ping' })).rejects.toMatchObject({
    errorName: 'DependencyTimeoutException',
  });
  expect(pool.isStuck()).toBe(false);
  unblock();
  await expect.poll(() => pings(pool, 1)).toBe(1);
  expect(pool.isStuck()).toBe(false);
});

/** A pool of four threads, and of one more if it is needed, with the memory in which its threads take turns at the login. */
async function openPool() {
  const module = openModule({ path: token.modulePath });
  const known = threadSettings({
    name: 'pool',
    module: token.modulePath,
    selector: { label: token.label },
    pin: createSecretKey(token.pin, 'utf8'),
    calls: 'worker',
    iv: 'supplied',
    maxSessions: 5,
    healthKeyLabel: undefined,
    cluster: undefined,
  });
  let { selector } = known;
  const settings = {
    ...known,
    memory: module.memory,
    get selector() {
      return selector;
    },
  };
  const pool = threadPool({ settings, maxThreads: 5, maxWaiting: 10 });
  const other = outsider(token);
  onTestFinished(async () => {
    await pool.close(() => module.close());
    other.leave();
  });
  await pool.warmUp('all');
  expect(pool.counts().threads).toBe(4);
  const turn = new Int32Array(known.pinGuard.turn);
  return {
    pool,
    block: () => void Atomics.store(turn, 0, BLOCKED),
    unblock: () => void Atomics.store(turn, 0, 0),
    closeAllSessions: () => other.closeAllSessions(),
    /** Threads that start from now on need a login of their own. */
    useOtherToken: () => {
      selector = OTHER;
    },
  };
}

/** Makes so many calls at once, and returns how many succeed. */
async function pings(pool: ReturnType<typeof threadPool>, count: number): Promise<number> {
  const calls = await Promise.allSettled(Array.from({ length: count }, () => pool.run({ kind: 'ping' })));
  return calls.filter(({ status }) => status === 'fulfilled').length;
}

const OTHER = { label: 'other' };
// The state of a turn at the login that was taken over, and has not ended either.
const BLOCKED = 3;
