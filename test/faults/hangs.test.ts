import { setTimeout as sleep } from 'node:timers/promises';
import { Pkcs11Error } from '@holdfast/pkcs11';
import { hasCompiler } from '@holdfast/testbed/shim';
import { describe, expect, it, onTestFinished } from 'vitest';
import { deadlineIn, inTime } from '../../packages/xks-proxy/src/deadline.ts';
import type { KeyDevice } from '../../packages/xks-proxy/src/devices/key-device.ts';
import { areThreadsLost } from '../../packages/xks-proxy/src/devices/late-calls.ts';
import { awaitToken, openToken } from '../../packages/xks-proxy/src/devices/open-token.ts';
import { XksProxyError } from '../../packages/xks-proxy/src/proxy-error.ts';
import { XksException } from '../../packages/xks-proxy/src/xks-exception.ts';
import {
  faultyModule,
  faultyToken,
  opens,
  recoveryMs,
  seal,
  tokenConfig,
  tryToUse,
  UNCOUNTED,
} from './fixture.ts';

const CALL_SITES = ['C_GenerateRandom', 'C_EncryptInit', 'C_Encrypt'] as const;

describe.skipIf(!hasCompiler())('a token whose calls run in threads of its own', () => {
  it('seals and opens, and holds no more threads than it may', async () => {
    const { open } = await faultyToken({ calls: 'worker', maxSessions: 2 });
    const sealed = await Promise.all(Array.from({ length: 8 }, () => seal(open.device)));
    const opened = await Promise.all(sealed.map((one) => opens(open.device, one)));
    expect(opened).not.toContain(false);
    expect(open.sessions()).toMatchObject({ limit: 2, open: 2, hung: 0 });
    const [first, second] = sealed;
    if (first === undefined || second === undefined) throw new Error('expected two');
    await expect(opens(open.device, { ...first, tag: second.tag })).rejects.toMatchObject({
      errorName: 'InvalidCiphertextException',
    });
    await expect(open.device.usages({ label: 'none' })).rejects.toMatchObject({
      errorName: 'KeyNotFoundException',
    });
  });

  it.each(CALL_SITES)(
    'may hang in %s: the caller is told in time, and the event loop runs on',
    async (site) => {
      const { shim, open } = await faultyToken({ calls: 'worker' });
      await recoveryMs(open.device);
      shim.fail(site, 'hang');
      let ticks = 0;
      const clock = setInterval(() => (ticks += 1), 5);
      await expect(sealInTime(open.device)).rejects.toMatchObject({
        errorName: 'DependencyTimeoutException',
      });
      // Before the thread itself is given up.
      expect(open.sessions().hung).toBe(0);
      clearInterval(clock);
      expect(ticks).toBeGreaterThan(2);
      expect(await recoveryMs(open.device)).toBeLessThan(2000);
      await expect.poll(() => open.sessions().hung).toBe(1);
      shim.heal();
      await expect.poll(() => open.sessions().hung).toBe(0);
    },
  );

  it('may hang in every call: threads are given up until there are enough, and the token comes back', {
    timeout: 60_000,
  }, async () => {
    const { shim, open } = await faultyToken({ calls: 'worker', maxSessions: 2 });
    await recoveryMs(open.device);
    shim.fail('C_EncryptInit', 'hang', -1);
    for (let round = 0; round < 6; round += 1) {
      await expect(sealInTime(open.device)).rejects.toMatchObject({
        errorName: 'DependencyTimeoutException',
      });
    }
    expect(open.status()).toBe('UNAVAILABLE');
    await expect.poll(() => open.sessions().hung).toBeGreaterThan(0);
    const afterOneMore = async () => {
      await sealInTime(open.device).catch(() => undefined);
      const { open: threads, hung } = open.sessions();
      return threads === 0 && hung >= 4;
    };
    // What is left then is another process.
    await expect.poll(afterOneMore, { timeout: 15_000 }).toBe(true);
    expect(open.sessions().hung).toBeLessThanOrEqual(6);
    shim.heal();
    expect(await recoveryMs(open.device)).toBeLessThan(2000);
  });

  it('comes back although the opening hangs that was to renew it', { timeout: 60_000 }, async () => {
    const { shim, open } = await faultyToken({ calls: 'worker', maxSessions: 2 });
    await recoveryMs(open.device);
    shim.fail('C_Encrypt', { returns: 0x30 }, -1);
    for (let round = 0; round < 5; round += 1) await tryToUse(open.device);
    // The first trial is made as things are; before the second everything is opened anew.
    await sleep(600);
    await tryToUse(open.device);
    shim.heal();
    shim.fail('C_OpenSession', 'hang');
    const afterOneMore = async () => {
      await tryToUse(open.device);
      return open.sessions().hung;
    };
    await expect.poll(afterOneMore, { timeout: 20_000 }).toBe(1);
    expect(await recoveryMs(open.device)).toBeLessThan(5000);
    shim.heal();
    await expect.poll(() => open.sessions().hung).toBe(0);
  });

  it('may hang for callers without a deadline: none waits once no thread may be started any more', {
    timeout: 60_000,
  }, async () => {
    const { shim, open } = await faultyToken({ calls: 'worker', maxSessions: 1 });
    await recoveryMs(open.device);
    shim.fail('C_FindObjectsInit', 'hang', -1);
    const lookUp = (label: string) => open.device.usages({ label });
    await expect(lookUp('other')).rejects.toMatchObject({ errorName: 'DependencyTimeoutException' });
    expect(open.isStuck()).toBe(false);
    const lookups = Array.from({ length: 4 }, (_, index) => lookUp(`other-${index}`));
    for (const { status, ...outcome } of await Promise.allSettled(lookups)) {
      expect(status).toBe('rejected');
      expect(outcome).toMatchObject({ reason: { errorName: 'DependencyTimeoutException' } });
    }
    expect(open.sessions()).toMatchObject({ open: 0, hung: 4 });
    expect(open.isStuck()).toBe(true);
  });

  it('may allow fewer sessions than the configuration: they serve, and others are tried seldom', {
    timeout: 60_000,
  }, async () => {
    const { shim, open } = await faultyToken({ calls: 'worker', maxSessions: 8 });
    await recoveryMs(open.device);
    await expect.poll(() => open.sessions().open, { timeout: 10_000 }).toBe(4);
    shim.fail('C_OpenSession', { returns: 0xb1 }, -1);
    shim.fail('C_Encrypt', { delayMs: 20 }, -1);
    const startedAt = performance.now();
    const user = async () => {
      while (performance.now() - startedAt < 2500)
        expect(await opens(open.device, await seal(open.device))).toBe(true);
    };
    await Promise.all(Array.from({ length: 6 }, user));
    expect(shim.hits('C_OpenSession')).toBeGreaterThan(0);
    expect(shim.hits('C_OpenSession')).toBeLessThanOrEqual(2);
    shim.heal();
    const afterMore = async () => {
      await Promise.all(Array.from({ length: 8 }, () => seal(open.device)));
      return open.sessions().open;
    };
    await expect.poll(afterMore, { timeout: 10_000 }).toBeGreaterThan(4);
  });

  it('may hang when it is opened late: the event loop runs on, and the token comes back', {
    timeout: 60_000,
  }, async () => {
    const { shim, token } = faultyModule();
    const config = tokenConfig(shim.modulePath, token, { calls: 'worker' });
    const cause = new Pkcs11Error('TOKEN_UNAVAILABLE', 'the device is not there');
    const outage = new XksProxyError('TOKEN_UNAVAILABLE', 'not at the start', { cause });
    shim.fail('C_OpenSession', 'hang', -1);
    const open = awaitToken(config, outage, { onChange: () => undefined, budget: UNCOUNTED });
    onTestFinished(async () => {
      shim.heal();
      await open.release();
    });
    let ticks = 0;
    const clock = setInterval(() => (ticks += 1), 5);
    await expect(seal(open.device)).rejects.toMatchObject({ errorName: 'InternalException' });
    const startedAt = performance.now();
    while (performance.now() - startedAt < 1500) {
      expect(await tryToUse(open.device)).toBe(false);
      await sleep(20);
    }
    clearInterval(clock);
    expect(ticks).toBeGreaterThan(10);
    shim.heal();
    expect(await recoveryMs(open.device)).toBeLessThan(10_000);
  });

  it('is closed with its last call that hangs, and not under it', { timeout: 60_000 }, async () => {
    const { shim, token } = faultyModule();
    const config = tokenConfig(shim.modulePath, token, { calls: 'worker', maxSessions: 2 });
    const open = await openToken(config, { onChange: () => undefined, budget: UNCOUNTED });
    expect(await recoveryMs(open.device)).toBeLessThan(5000);
    shim.fail('C_Encrypt', 'hang');
    await expect(seal(open.device)).rejects.toMatchObject({ errorName: 'DependencyTimeoutException' });
    expect(open.sessions().hung).toBe(1);
    // Counted as it happens.
    shim.fail('C_Finalize', { delayMs: 0 }, -1);
    await open.release();
    expect(shim.hits('C_Finalize')).toBe(0);
    shim.fail('C_Encrypt', { delayMs: 0 }, 0);
    await expect.poll(() => shim.hits('C_Finalize')).toBe(1);
    shim.heal();
  });

  it('refuses at once what would wait for too long', async () => {
    const { shim, open } = await faultyToken({ calls: 'worker', maxSessions: 1 });
    await recoveryMs(open.device);
    shim.fail('C_Encrypt', { delayMs: 20 }, -1);
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, () => sealInTime(open.device)));
    const names = outcomes.map((outcome) =>
      outcome.status === 'rejected' ? errorNameOf(outcome.reason) : 'sealed',
    );
    expect(names).toContain('sealed');
    expect(names).toContain('ThrottlingException');
  });
});

it.skipIf(!hasCompiler())(
  'a token that hangs in all threads of libuv is known as such, until its calls return',
  async () => {
    const { shim, open } = await faultyToken({ calls: 'threadpool', maxSessions: 4 });
    await recoveryMs(open.device);
    shim.fail('C_Encrypt', 'hang', -1);
    const hanging = Array.from({ length: 4 }, () => sealInTime(open.device));
    for (const { status } of await Promise.allSettled(hanging)) expect(status).toBe('rejected');
    expect(open.sessions()).toMatchObject({ idle: 0, hung: 4 });
    // Not for a moment.
    expect(open.isStuck()).toBe(false);
    await expect.poll(() => open.isStuck(), { timeout: 10_000 }).toBe(true);
    expect(areThreadsLost()).toBe(true);
    shim.heal();
    await expect.poll(() => open.sessions().hung).toBe(0);
    expect([open.isStuck(), areThreadsLost()]).toEqual([false, false]);
    expect(await recoveryMs(open.device)).toBeLessThan(2000);
  },
  30_000,
);

const errorNameOf = (error: unknown) => (error instanceof XksException ? error.errorName : 'unforeseen');

/** With the time that a request has. */
async function sealInTime(device: KeyDevice) {
  const deadline = deadlineIn(200);
  return inTime(seal(device, deadline), deadline);
}
