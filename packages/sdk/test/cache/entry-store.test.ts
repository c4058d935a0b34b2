import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EntryStore, type StoredEntry } from '../../src/cache/entry-store.ts';
import { cachingCmm, encryptionClient, localCache, stormTrackingCache } from '../../src/index.ts';
import { memoryKeyring } from '../fixtures/memory-keyring.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'Date', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

/** Counts how often an entry's end is looked at. */
function countedEntries() {
  let looks = 0;
  const entry = (ttlMs: number): StoredEntry => {
    let expiresAtMs = performance.now() + ttlMs;
    const branchKey = new Uint8Array(32).fill(1);
    const materials = { branchKeyId: 'a', branchKeyVersion: 'b', encryptionContext: {}, branchKey };
    return {
      cached: { kind: 'branch-key', materials },
      messages: 0,
      bytes: 0,
      createdAtMs: performance.now(),
      refreshedAtMs: performance.now(),
      get expiresAtMs() {
        looks += 1;
        return expiresAtMs;
      },
      set expiresAtMs(value) {
        expiresAtMs = value;
      },
    };
  };
  return { entry, looks: () => looks };
}

describe('a store of entries', () => {
  it.each<[string, number, number, number]>([
    ['while it fills', 2_000, 3_600_000, 0],
    ['when each makes room for another', 100, 3_600_000, 0],
    ['while they end one after the other', 2_000, 1_000, 1],
    ['when each ends before those that came earlier', 2_000, -1, 1],
  ])('looks at few entries for each that it keeps, %s', async (_, capacity, ttlMs, stepMs) => {
    const store = new EntryStore(capacity);
    const { entry, looks } = countedEntries();
    const puts = 4_000;
    for (let i = 0; i < puts; i++) {
      store.put(`${i}`, entry(ttlMs < 0 ? 10_000 - 2 * i : ttlMs));
      if (stepMs > 0) await vi.advanceTimersByTimeAsync(stepMs);
    }
    expect(looks()).toBeLessThan(10 * puts);
  });

  it('ends entries by the clock of the system too, which goes on while the machine sleeps', () => {
    const store = new EntryStore(10);
    const { entry } = countedEntries();
    const [slept, long] = [entry(60_000), entry(36_000_000)];
    store.put('slept', slept);
    store.put('long', long);
    const createdAtMs = long.createdAtMs;
    vi.setSystemTime(Date.now() + 8 * 3_600_000);
    expect(store.get('slept')).toBeUndefined();
    expect(store.get('long')).toBe(long);
    // What a CMM with a shorter time goes by.
    expect(createdAtMs - long.createdAtMs).toBeCloseTo(8 * 3_600_000, -1);
  });

  it('wipes what ended while the machine slept as soon as it keeps something else', async () => {
    const store = new EntryStore(10);
    const { entry } = countedEntries();
    const slept = entry(60_000);
    store.put('slept', slept);
    vi.setSystemTime(Date.now() + 8 * 3_600_000);
    store.put('other', entry(60_000));
    const { materials, kind } = slept.cached;
    expect(kind === 'branch-key' && materials.branchKey).toEqual(new Uint8Array(32));
  });

  it('lengthens no life when the clock of the system is set back, and counts no time twice', async () => {
    const store = new EntryStore(10);
    const { entry } = countedEntries();
    vi.setSystemTime(Date.now() + 3_600_000);
    store.put('a', entry(60_000));
    vi.setSystemTime(Date.now() - 3_600_000);
    expect(store.get('a')).toBeDefined();
    vi.setSystemTime(Date.now() + 30_000);
    await vi.advanceTimersByTimeAsync(29_000);
    expect(store.get('a')).toBeDefined();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(store.get('a')).toBeUndefined();
  });
});

it.each(Object.entries({ localCache, stormTrackingCache }))(
  'a CMM asks for new materials after the machine has slept, over %s',
  async (_, makeCache) => {
    const keyring = memoryKeyring();
    const cache = makeCache({ capacity: 10 });
    const patient = cachingCmm({ keyring, cache, ttlMs: 36_000_000, partitionId: 'p' });
    const strict = cachingCmm({ keyring, cache, ttlMs: 60_000, partitionId: 'p' });
    const client = encryptionClient();
    await client.encrypt(new Uint8Array(1), { cmm: patient });
    await client.encrypt(new Uint8Array(1), { cmm: strict });
    vi.setSystemTime(Date.now() + 3_600_000);
    await client.encrypt(new Uint8Array(1), { cmm: patient });
    expect(keyring.calls.encrypt).toBe(1);
    await client.encrypt(new Uint8Array(1), { cmm: strict });
    expect(keyring.calls.encrypt).toBe(2);
  },
);
