import { Pkcs11Error, type Pkcs11ErrorCode } from '@holdfast/pkcs11';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { timedOut } from '../../src/deadline.ts';
import { circuitBreaker } from '../../src/devices/circuit-breaker.ts';
import { tokenException } from '../../src/devices/failures.ts';
import { memoryDevice } from '../fixtures/memory-device.ts';

const KEY = { label: 'orders' };

describe('a circuit breaker', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  function guarded() {
    const { device, behaviour } = memoryDevice();
    const revive = vi.fn<() => Promise<void>>(async () => undefined);
    const changes: string[] = [];
    const breaker = circuitBreaker({
      name: device.name,
      connected: () => device,
      revive,
      onChange: (status) => void changes.push(status),
    });
    const failWith = (code: Pkcs11ErrorCode) => {
      behaviour.failure = tokenException(new Pkcs11Error(code, 'x'));
    };
    const works = async (times = 1) => {
      let successes = 0;
      for (let time = 0; time < times; time += 1) {
        const sealed = breaker.device.encrypt({
          selector: KEY,
          aad: Buffer.alloc(0),
          plaintext: Buffer.alloc(1),
        });
        if ((await sealed.catch(() => undefined)) !== undefined) successes += 1;
      }
      return successes;
    };
    return { breaker, behaviour, revive, changes, failWith, works };
  }

  it('opens after five outages in a row, and not for fewer', async () => {
    const { breaker, behaviour, failWith, works, changes } = guarded();
    for (let round = 0; round < 5; round += 1) {
      failWith('DEVICE_ERROR');
      expect(await works(4)).toBe(0);
      behaviour.failure = undefined;
      expect(await works()).toBe(1);
    }
    expect(breaker.status()).toBe('DEGRADED');
    failWith('DEVICE_ERROR');
    await works(5);
    expect(breaker.status()).toBe('UNAVAILABLE');
    const { probes } = behaviour;
    await works(100);
    expect(behaviour.probes).toBe(probes);
    expect(changes).toEqual(['UNAVAILABLE']);
  });

  it('lets one call through after half a second, and closes when that succeeds', async () => {
    const { breaker, behaviour, failWith, works, changes } = guarded();
    failWith('TOKEN_UNAVAILABLE');
    await works(5);
    vi.advanceTimersByTime(501);
    behaviour.failure = undefined;
    expect(await works(3)).toBe(3);
    expect(changes).toEqual(['UNAVAILABLE', 'ACTIVE']);
    vi.advanceTimersByTime(10_001);
    expect(breaker.status()).toBe('ACTIVE');
  });

  /** Calls over a circuit breaker, which end as the test says. */
  function callsByHand() {
    const { device } = memoryDevice();
    const changes: string[] = [];
    const ends: ((error: Error | undefined) => void)[] = [];
    const ping = () =>
      new Promise<void>((resolve, reject) => {
        ends.push((error) => (error === undefined ? resolve() : reject(error)));
      });
    const breaker = circuitBreaker({
      name: device.name,
      connected: () => ({ ...device, ping }),
      revive: async () => undefined,
      onChange: (status) => void changes.push(status),
    });
    /** Begins a call; returns a function that ends it, or undefined if the breaker does not let it through. */
    const begin = () => {
      const begun = ends.length;
      const ended = breaker.device.ping().catch(() => undefined);
      const end = ends[begun];
      if (end === undefined) return undefined;
      return (error?: Error) => {
        end(error);
        return ended;
      };
    };
    return { breaker, begin, changes };
  }

  it('learns nothing from the failures of calls that began before it opened', async () => {
    const { breaker, begin, changes } = callsByHand();
    const calls = Array.from({ length: 11 }, begin);
    const outage = tokenException(new Pkcs11Error('DEVICE_ERROR', 'x'));
    for (const end of calls.splice(0, 5)) await end?.(outage);
    expect(changes).toEqual(['UNAVAILABLE']);
    vi.advanceTimersByTime(400);
    for (const end of calls.splice(0, 5)) await end?.(outage);
    await calls[0]?.(tokenException(new Pkcs11Error('KEY_NOT_FOUND', 'x')));
    expect(breaker.status()).toBe('UNAVAILABLE');
    vi.advanceTimersByTime(101);
    await begin()?.();
    expect(changes).toEqual(['UNAVAILABLE', 'ACTIVE']);
  });

  it('takes calls that ran out of time for no outage where others succeeded meanwhile', async () => {
    const { breaker, begin, changes } = callsByHand();
    const waiting = Array.from({ length: 10 }, begin);
    vi.advanceTimersByTime(1);
    await begin()?.();
    for (const end of waiting) await end?.(timedOut());
    expect(breaker.status()).toBe('ACTIVE');
    for (let time = 0; time < 5; time += 1) await begin()?.(timedOut());
    expect(changes).toEqual(['UNAVAILABLE']);
  });

  it('is not closed by a key that is found, which some tokens do without their device', async () => {
    const { breaker, failWith, works } = guarded();
    for (let time = 1; time <= 5; time += 1) {
      expect(breaker.status()).not.toBe('UNAVAILABLE');
      failWith('DEVICE_ERROR');
      await works();
      await breaker.device.usages(KEY).catch(() => undefined);
    }
    expect(breaker.status()).toBe('UNAVAILABLE');
  });

  it('has the device revived before the second trial, the fourth and every eighth', async () => {
    const { behaviour, failWith, works, revive } = guarded();
    failWith('SESSION_LOST');
    await works(5);
    for (const revivals of [0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 4]) {
      vi.advanceTimersByTime(501);
      const { probes } = behaviour;
      await works(4);
      expect(behaviour.probes).toBe(probes + 1);
      expect(revive).toHaveBeenCalledTimes(revivals);
    }
  });

  it('takes a failure that nobody foresaw neither for an outage nor for a sign of life', async () => {
    const { breaker, behaviour, failWith, works, changes } = guarded();
    const failUnforeseen = () => {
      behaviour.failure = tokenException(new Error('x'));
    };
    failUnforeseen();
    await works(20);
    expect(breaker.status()).toBe('ACTIVE');
    failWith('DEVICE_ERROR');
    await works(3);
    failUnforeseen();
    await works();
    failWith('DEVICE_ERROR');
    await works(2);
    expect(breaker.status()).toBe('UNAVAILABLE');
    vi.advanceTimersByTime(501);
    failUnforeseen();
    const { probes } = behaviour;
    await works();
    expect(behaviour.probes).toBe(probes + 1);
    expect(changes).toEqual(['UNAVAILABLE']);
  });

  it('takes a refusal that no token returned for no sign of life', async () => {
    const { breaker, behaviour, failWith, works } = guarded();
    const token = () => failWith('DEVICE_ERROR');
    const memory = () => failWith('KEY_USAGE_FORBIDDEN');
    for (const fail of [token, memory, token, memory, token, memory, token, memory, token]) {
      fail();
      await works();
    }
    expect(breaker.status()).toBe('UNAVAILABLE');
    vi.advanceTimersByTime(501);
    memory();
    const { probes } = behaviour;
    await works();
    expect(behaviour.probes).toBe(probes + 1);
    expect(breaker.status()).toBe('UNAVAILABLE');
  });

  it.each(['KEY_NOT_FOUND', 'KEY_USAGE_FORBIDDEN', 'DECRYPTION_FAILED', 'SESSIONS_EXHAUSTED'] as const)(
    'takes %s for no outage',
    async (code) => {
      const { breaker, behaviour, failWith, works } = guarded();
      failWith(code);
      await works(20);
      expect(behaviour.probes).toBe(20);
      expect(breaker.status()).toBe('ACTIVE');
    },
  );
});
