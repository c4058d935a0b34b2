import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  cachingCmm,
  encryptionClient,
  type Keyring,
  localCache,
  stormTrackingCache,
} from '../../src/index.ts';
import { memoryKeyring, rejection } from '../fixtures/memory-keyring.ts';

const plaintext = Uint8Array.of(1, 2, 3);
const client = encryptionClient();
const hundred = Array.from({ length: 100 });
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

afterEach(() => void vi.useRealTimers());

describe('a storm-tracking cache', () => {
  it('replaces materials in the background before they end', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const keyring = memoryKeyring();
    const cache = stormTrackingCache({ capacity: 10 });
    const cmm = cachingCmm({ keyring, cache, ttlMs: 60_000 });
    const encrypt = () => client.encrypt(plaintext, { cmm, suite: 0x0478 });
    await encrypt();
    await vi.advanceTimersByTimeAsync(49_000);
    await encrypt();
    expect(keyring.calls.encrypt).toBe(1);
    await vi.advanceTimersByTimeAsync(2_000); // in the grace period
    await Promise.all(hundred.map(encrypt));
    expect(keyring.calls.encrypt).toBe(2);
    await vi.advanceTimersByTimeAsync(10_000); // the first materials have ended, the second have not
    await encrypt();
    expect(keyring.calls.encrypt).toBe(2);
    expect(cache.counters()).toMatchObject({ misses: 1, hits: 102 });
  });

  it('goes on with old materials while new ones cannot be had, and tries again after an interval', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const inner = memoryKeyring();
    let attempts = 0;
    const keyring: Keyring = {
      ...inner,
      onEncrypt: (materials) =>
        attempts++ === 0 ? inner.onEncrypt(materials) : Promise.reject(new Error('down')),
    };
    const cmm = cachingCmm({ keyring, cache: stormTrackingCache({ capacity: 10 }), ttlMs: 60_000 });
    const encrypt = () => client.encrypt(plaintext, { cmm, suite: 0x0478 });
    await encrypt();
    await vi.advanceTimersByTimeAsync(55_000);
    for (let i = 0; i < 20; i++) {
      await encrypt();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(attempts).toBe(1 + 2);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await rejection(encrypt())).toMatchObject({ code: 'KEYRING_FAILED' });
  });

  it('asks again beside a call in the background that hangs, and wipes what that brings in the end', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const inner = memoryKeyring();
    const dataKeys: (Uint8Array | undefined)[] = [];
    let calls = 0;
    const keyring: Keyring = {
      ...inner,
      async onEncrypt(materials) {
        if (++calls === 2) await pause(5_000);
        const wrapped = await inner.onEncrypt(materials);
        dataKeys.push(wrapped.dataKey);
        return wrapped;
      },
    };
    const cache = stormTrackingCache({ capacity: 10 });
    const cmm = cachingCmm({ keyring, cache, ttlMs: 60_000 });
    await client.encrypt(plaintext, { cmm, suite: 0x0478 });
    await vi.advanceTimersByTimeAsync(51_000);
    for (let i = 0; i < 150; i++) {
      await client.encrypt(plaintext, { cmm, suite: 0x0478 });
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(calls).toBe(3);
    expect(cache.counters()).toMatchObject({ misses: 1, loads: 3 });
    const isWiped = dataKeys.map((key) => key?.every((byte) => byte === 0));
    expect(isWiped).toEqual([true, false, true]);
  });

  it('asks again for somebody who finds that the first call for materials hangs', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const inner = memoryKeyring();
    let calls = 0;
    const keyring: Keyring = {
      ...inner,
      onEncrypt: (materials) => (++calls === 1 ? new Promise(() => undefined) : inner.onEncrypt(materials)),
    };
    const cmm = cachingCmm({ keyring, cache: stormTrackingCache({ capacity: 10 }), ttlMs: 60_000 });
    const given = new AbortController();
    const encrypt = (signal?: AbortSignal) => client.encrypt(plaintext, { cmm, ...(signal && { signal }) });
    const impatient = rejection(encrypt(given.signal));
    const waiting = hundred.map(() => encrypt());
    await vi.advanceTimersByTimeAsync(500);
    given.abort(new Error('no time'));
    expect(await impatient).toMatchObject({ message: 'no time' });
    await vi.advanceTimersByTimeAsync(500);
    waiting.push(...hundred.map(() => encrypt()));
    expect(await Promise.all(waiting)).toHaveLength(200);
    expect(calls).toBe(2);
  });

  it('limits the loads under way', async () => {
    let running = 0;
    let most = 0;
    const inner = memoryKeyring();
    const keyring: Keyring = {
      ...inner,
      async onEncrypt(materials) {
        running += 1;
        most = Math.max(most, running);
        await pause(5);
        running -= 1;
        return inner.onEncrypt(materials);
      },
    };
    const cmm = cachingCmm({
      keyring,
      cache: stormTrackingCache({ capacity: 100, fanOut: 4 }),
      ttlMs: 60_000,
    });
    await Promise.all(
      hundred.map((_, i) => client.encrypt(plaintext, { cmm, encryptionContext: { i: `${i}` } })),
    );
    expect(most).toBe(4);
    expect(inner.calls.encrypt).toBe(100);
  });

  it('gives up on loads that never end, and has room for others again', async () => {
    const inner = memoryKeyring();
    let hanging = 3;
    const keyring: Keyring = {
      ...inner,
      onEncrypt: (materials) => (hanging-- > 0 ? new Promise(() => undefined) : inner.onEncrypt(materials)),
    };
    const limits = { fanOut: 1, inFlightTtlMs: 10, graceIntervalMs: 5, gracePeriodMs: 20 };
    const cmm = cachingCmm({
      keyring,
      cache: stormTrackingCache({ capacity: 10, ...limits }),
      ttlMs: 60_000,
    });
    const stuck = ['1', '2', '3'].map((a) =>
      rejection(client.encrypt(plaintext, { cmm, encryptionContext: { a } })),
    );
    for (const error of stuck) expect(await error).toMatchObject({ code: 'KEYRING_FAILED' });
    await client.encrypt(plaintext, { cmm, encryptionContext: { a: '1' } });
    expect(inner.calls.encrypt).toBe(1);
  });

  it('has room for others again though loads, and their timers, ended without a word', async () => {
    const { encrypt, calls } = oneAtATime([Infinity, 1_000, 1_000]);
    void encrypt('1');
    vi.clearAllTimers();
    const waiting = ['2', '2', '3', '3'].map(encrypt);
    await vi.advanceTimersByTimeAsync(9_999);
    expect(calls.begun).toBe(1);
    await vi.advanceTimersByTimeAsync(2_001);
    expect(await Promise.all(waiting)).toHaveLength(4);
    expect(calls.answered).toBe(2);
  });

  it('lets those who have to wait for their turn wait as long as that takes', async () => {
    const { encrypt, calls } = oneAtATime([8_000, 8_000, 8_000, 8_000]);
    const waiting = ['1', '2', '3', '4'].map(encrypt);
    await vi.advanceTimersByTimeAsync(15_000);
    waiting.push(encrypt('4'));
    await vi.advanceTimersByTimeAsync(17_000);
    expect(await Promise.all(waiting)).toHaveLength(5);
    expect(calls.answered).toBe(4);
  });

  it('loads once what is asked for again in the moment in which the load before it is lost', async () => {
    const { encrypt, calls } = oneAtATime([Infinity, 1_000]);
    // Set before those of the cache, this timer comes before them.
    const again = pause(10_000).then(() => encrypt('2'));
    const lost = rejection(encrypt('1'));
    const waiting = encrypt('2');
    await vi.advanceTimersByTimeAsync(15_000);
    expect(await lost).toMatchObject({ code: 'KEYRING_FAILED' });
    expect(await Promise.all([waiting, again])).toHaveLength(2);
    expect(calls.answered).toBe(1);
  });

  it('asks for nothing in the background, now or later, while as many loads are under way as may be', async () => {
    const { encrypt, calls } = oneAtATime([0, 5_000, 0]);
    const first = encrypt('1');
    await vi.advanceTimersByTimeAsync(51_000); // in the grace period
    await first;
    const second = encrypt('2');
    await vi.advanceTimersByTimeAsync(1_000);
    await encrypt('1');
    await vi.advanceTimersByTimeAsync(4_500);
    await second;
    expect(calls.begun).toBe(2);
    await encrypt('1');
    expect(calls.begun).toBe(3);
  });

  it.each([Infinity, 2 ** 31])('may wait for loads as long as %d ms', async (inFlightTtlMs) => {
    const inner = memoryKeyring();
    const keyring: Keyring = {
      ...inner,
      onEncrypt: (materials) => pause(50).then(() => inner.onEncrypt(materials)),
    };
    const cache = stormTrackingCache({ capacity: 10, inFlightTtlMs, gracePeriodMs: inFlightTtlMs });
    const cmm = cachingCmm({ keyring, cache, ttlMs: 60_000 });
    expect((await client.encrypt(plaintext, { cmm })).message.length).toBeGreaterThan(0);
  });

  it('does not storm when materials live shorter than the grace period', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const keyring = memoryKeyring();
    const cmm = cachingCmm({ keyring, cache: stormTrackingCache({ capacity: 10 }), ttlMs: 5_000 });
    for (let i = 0; i < 100; i++) {
      await client.encrypt(plaintext, { cmm, suite: 0x0478 });
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(keyring.calls.encrypt).toBeLessThanOrEqual(5);
  });

  it('refuses times that contradict each other', () => {
    expect(() => stormTrackingCache({ capacity: 1, gracePeriodMs: 5_000 })).toThrow(RangeError);
    expect(() => stormTrackingCache({ capacity: 1, graceIntervalMs: 20_000 })).toThrow(RangeError);
    expect(() => stormTrackingCache({ capacity: 1, fanOut: 0 })).toThrow(RangeError);
  });

  it('refuses a time given as text, as the local cache does', () => {
    // @ts-expect-error the compiler lets no text pass
    expect(() => stormTrackingCache({ capacity: 1, inFlightTtlMs: '10000' })).toThrow(RangeError);
    // @ts-expect-error the compiler lets no text pass
    expect(() => localCache({ capacity: 1, inFlightTtlMs: '10000' })).toThrow(RangeError);
  });
});

/**
 * Encryptions over a cache that makes one load at a time, on a clock that only the test moves.
 *
 * @param delaysMs how long each call of the key service takes, in their order: one of `Infinity` never answers
 */
function oneAtATime(delaysMs: readonly number[]) {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
  const inner = memoryKeyring();
  const calls = { begun: 0, answered: 0 };
  const keyring: Keyring = {
    ...inner,
    async onEncrypt(materials) {
      const delayMs = delaysMs[calls.begun++] ?? expect.unreachable('one call too many');
      await (delayMs === Infinity ? new Promise(() => undefined) : pause(delayMs));
      calls.answered += 1;
      return inner.onEncrypt(materials);
    },
  };
  const cache = stormTrackingCache({ capacity: 10, fanOut: 1 });
  const cmm = cachingCmm({ keyring, cache, ttlMs: 60_000 });
  const encrypt = (a: string) => client.encrypt(plaintext, { cmm, suite: 0x0478, encryptionContext: { a } });
  return { encrypt, calls };
}
