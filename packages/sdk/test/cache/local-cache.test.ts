import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { localCache, stormTrackingCache } from '../../src/index.ts';
import type { BranchKeyMaterials, CachedMaterials, MaterialsCache } from '../../src/spi.ts';
import { rejection } from '../fixtures/memory-keyring.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const never = () => new Promise<never>(() => undefined);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const inFlightTtlMs = 10_000;
const caches = {
  'a local cache': localCache({ capacity: 10, inFlightTtlMs }),
  'a storm-tracking cache': stormTrackingCache({
    capacity: 10,
    inFlightTtlMs,
    graceIntervalMs: inFlightTtlMs,
  }),
};

describe.each(Object.entries(caches))('%s', (_, cache) => {
  it('keeps nothing of a load that it gave up on, and wipes what that brings', async () => {
    const [old, young] = [materials('old'), materials('young')];
    const lost = rejection(versionIn(cache, 'a', async () => (await pause(15_000), old)));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await lost).toMatchObject({ code: 'KEYRING_FAILED' });
    expect(await versionIn(cache, 'a', async () => young)).toBe('young');

    await vi.advanceTimersByTimeAsync(10_000);
    expect(await versionIn(cache, 'a', () => expect.unreachable())).toBe('young');
    expect(old.branchKey).toEqual(new Uint8Array(32));
    expect(young.branchKey).toEqual(new Uint8Array(32).fill(1));
  });

  it('is not troubled by a load that fails after it gave up on it', async () => {
    const fail = () => pause(15_000).then(() => Promise.reject(new Error('too late')));
    const lost = rejection(versionIn(cache, 'b', fail));
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await lost).toMatchObject({ code: 'KEYRING_FAILED' });
    expect(await versionIn(cache, 'b', async () => materials('young'))).toBe('young');
  });

  it('goes by the clock where a load and its timer end without a word, as they do with a request to a worker', async () => {
    void versionIn(cache, 'c', never);
    vi.clearAllTimers();
    await vi.advanceTimersByTimeAsync(9_999);
    void versionIn(cache, 'c', () => expect.unreachable());
    await vi.advanceTimersByTimeAsync(1);
    expect(await versionIn(cache, 'c', async () => materials('young'))).toBe('young');
  });

  it('keeps a load that took the place of a lost one, when that comes to an end after all', async () => {
    let fail = (_: Error): void => undefined;
    const lost = rejection(versionIn(cache, 'd', () => new Promise((_, reject) => void (fail = reject))));
    vi.clearAllTimers();
    await vi.advanceTimersByTimeAsync(10_000);
    const young = versionIn(cache, 'd', () => pause(1_000).then(() => materials('young')));
    fail(new Error('too late'));
    expect(await lost).toMatchObject({ message: 'too late' });
    const joined = versionIn(cache, 'd', () => expect.unreachable());
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await Promise.all([young, joined])).toEqual(['young', 'young']);
  });

  it('keeps nothing of a load that is late by the clock, though it answers before its timer comes', async () => {
    let answer = (_: BranchKeyMaterials): void => undefined;
    const old = materials('old');
    const lost = rejection(versionIn(cache, 'j', () => new Promise((resolve) => void (answer = resolve))));
    vi.clearAllTimers();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await versionIn(cache, 'j', async () => materials('young'))).toBe('young');
    answer(old);
    expect(await lost).toMatchObject({ code: 'KEYRING_FAILED' });
    expect(old.branchKey).toEqual(new Uint8Array(32));
    expect(await versionIn(cache, 'j', () => expect.unreachable())).toBe('young');
  });

  it('wipes what has ended as soon as it keeps something else, where the timer for that is gone', async () => {
    const [old, young] = [materials('old'), materials('young')];
    await versionIn(cache, 'e', async () => old);
    vi.clearAllTimers();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(old.branchKey).toEqual(new Uint8Array(32).fill(1));
    await versionIn(cache, 'f', async () => young);
    expect(old.branchKey).toEqual(new Uint8Array(32));

    // And there is a timer again.
    await vi.advanceTimersByTimeAsync(61_000);
    expect(young.branchKey).toEqual(new Uint8Array(32));
  });

  it('never shows wiped materials to who waited for them', async () => {
    const seen: Uint8Array[] = [];
    const fetched = [1, 2, 3].map((ttlMs) =>
      cache.fetch({
        id: 'g',
        ttlMs,
        load: async () => ({ kind: 'branch-key', materials: materials('g') }),
        use({ cached }) {
          seen.push(cached.kind === 'branch-key' ? cached.materials.branchKey.slice() : expect.unreachable());
          // As if to use them had taken so long that they have ended.
          vi.advanceTimersByTime(1_000);
          return true;
        },
      }),
    );
    await vi.advanceTimersByTimeAsync(1);
    expect(await Promise.all(fetched)).toEqual([true, true, true]);
    for (const branchKey of seen) expect(branchKey).toEqual(new Uint8Array(32).fill(1));
  });

  it('hands what it loaded to who asked for it, however short its life and busy the process', async () => {
    const busy: Promise<void>[] = [];
    const fetched = cache.fetch({
      id: 'h',
      ttlMs: 1,
      async load() {
        if (busy.length > 0) expect.unreachable();
        busy.push(passMillisecondsAtEachTurn(50));
        return { kind: 'branch-key', materials: materials('h') };
      },
      use: ({ createdAtMs }) => (performance.now() - createdAtMs < 1 ? 'taken' : undefined),
    });
    expect(await fetched).toBe('taken');
    await Promise.all(busy);
  });

  it('when cleared drops all it has, and wipes it at once', async () => {
    const old = ['k', 'l'].map(materials);
    for (const each of old) await versionIn(cache, each.branchKeyVersion, async () => each);
    cache.clear();
    for (const { branchKey } of old) expect(branchKey).toEqual(new Uint8Array(32));
    expect(await versionIn(cache, 'k', async () => materials('young'))).toBe('young');
    expect(await versionIn(cache, 'k', () => expect.unreachable())).toBe('young');
  });

  it('when cleared loads again what is under way, for those who wait for it and those who come', async () => {
    const [old, young] = [materials('old'), materials('young')];
    let loads = 0;
    const load = async () => {
      loads += 1;
      const loaded = loads === 1 ? old : young;
      await pause(loads === 1 ? 2_000 : 3_000);
      return loaded;
    };
    const waiting = [versionIn(cache, 'm', load), versionIn(cache, 'm', load)];
    await vi.advanceTimersByTimeAsync(1_000);
    cache.clear();
    waiting.push(versionIn(cache, 'm', load));
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await Promise.all(waiting)).toEqual(['young', 'young', 'young']);
    expect(await versionIn(cache, 'm', load)).toBe('young');
    expect(loads).toBe(2);
    expect([old.branchKey, young.branchKey]).toEqual([new Uint8Array(32), new Uint8Array(32).fill(1)]);
  });

  it.each([0, 1, 2, 3, 4, 5, 6])(
    'cleared %d turns after a load shows to nobody what was loaded before, or is wiped',
    async (turns) => {
      const seen: Uint8Array[] = [];
      let loads = 0;
      let isCleared = false;
      const clear = async (): Promise<void> => {
        for (let turn = 0; turn < turns; turn++) await Promise.resolve();
        cache.clear();
        isCleared = true;
      };
      const fetched = [1, 2, 3].map(() =>
        cache.fetch({
          id: 'n',
          ttlMs: 60_000,
          load: async () => ({ kind: 'branch-key', materials: materials(`${++loads}`) }),
          use({ cached }) {
            if (cached.kind !== 'branch-key') expect.unreachable();
            if (seen.length === 0) queueMicrotask(() => void clear());
            if (isCleared) expect(cached.materials.branchKeyVersion).toBe('2');
            seen.push(cached.materials.branchKey.slice());
            return true;
          },
        }),
      );
      await vi.advanceTimersByTimeAsync(0);
      expect(await Promise.all(fetched)).toEqual([true, true, true]);
      expect(seen).toEqual([1, 2, 3].map(() => new Uint8Array(32).fill(1)));
    },
  );

  it('keeps what it loaded, though who asked for it first fails to use it, and fails nobody else', async () => {
    const mistake = new Error('of the first caller');
    const first = cache.fetch({
      id: 'i',
      ttlMs: 60_000,
      load: async () => ({ kind: 'branch-key', materials: materials('i') }),
      use: () => {
        throw mistake;
      },
    });
    const joined = versionIn(cache, 'i', () => expect.unreachable());
    expect(await rejection(first)).toBe(mistake);
    expect(await joined).toBe('i');
    expect(await versionIn(cache, 'i', () => expect.unreachable())).toBe('i');
  });
});

describe.each(Object.entries({ localCache, stormTrackingCache }))('%s', (_, makeCache) => {
  it('loads nothing for a caller that has given up, and does not use what comes after that', async () => {
    const cache = makeCache({ capacity: 10 });
    const given = new AbortController();
    let [loads, uses] = [0, 0];
    const fetch = (): Promise<boolean> =>
      cache.fetch({
        id: 'a',
        ttlMs: 60_000,
        signal: given.signal,
        async load() {
          loads += 1;
          await pause(2_000);
          return { kind: 'branch-key', materials: materials('a') };
        },
        use: () => (uses += 1) > 0,
      });
    const fetched = rejection(fetch());
    await vi.advanceTimersByTimeAsync(1_000);
    given.abort(new Error('no time'));
    await vi.advanceTimersByTimeAsync(2_000);
    for (const gone of [fetched, rejection(fetch())]) expect(await gone).toBe(given.signal.reason);
    expect([loads, uses]).toEqual([1, 0]);
    expect(await versionIn(cache, 'a', () => expect.unreachable())).toBe('a');
  });

  it('wipes at its end, and looks no oftener than it has to, what lives longer than a timer can wait', async () => {
    const longestMs = 2 ** 31 - 1;
    const { branchKey } = await makeCache({ capacity: 10 }).fetch({
      id: 'b',
      ttlMs: longestMs + 10_000,
      load: async () => ({ kind: 'branch-key', materials: materials('b') }),
      use: ({ cached }) => (cached.kind === 'branch-key' ? cached.materials : undefined),
    });
    const startedAtMs = performance.now();
    for (const [passedMs, isWiped] of [
      [longestMs, false],
      [longestMs + 10_000, true],
    ] as const) {
      vi.advanceTimersToNextTimer();
      expect(performance.now() - startedAtMs).toBeCloseTo(passedMs, -1);
      expect(branchKey.every((byte) => byte === 0)).toBe(isWiped);
    }
  });
});

async function passMillisecondsAtEachTurn(turns: number): Promise<void> {
  for (let i = 0; i < turns; i++) {
    await Promise.resolve();
    vi.advanceTimersByTime(1);
  }
}

function materials(branchKeyVersion: string): BranchKeyMaterials {
  return { branchKeyId: 'a', branchKeyVersion, encryptionContext: {}, branchKey: new Uint8Array(32).fill(1) };
}

function versionIn(
  cache: MaterialsCache,
  id: string,
  load: () => Promise<BranchKeyMaterials>,
): Promise<string> {
  const version = ({ kind, materials }: CachedMaterials): string =>
    kind === 'branch-key' ? materials.branchKeyVersion : expect.unreachable();
  return cache.fetch({
    id,
    ttlMs: 60_000,
    load: async () => ({ kind: 'branch-key', materials: await load() }),
    use: ({ cached }) => version(cached),
  });
}
