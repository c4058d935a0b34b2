import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { localCache, stormTrackingCache } from '../../src/index.ts';
import type { BranchKeyMaterials, CachedMaterials, MaterialsCache } from '../../src/spi.ts';
import { rejection } from '../memory-keyring.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] }));
afterEach(() => void vi.useRealTimers());

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const inFlightTtlMs = 10_000;
const caches = {
  'a local cache': localCache({ capacity: 10, inFlightTtlMs }),
  'a storm-tracking cache': stormTrackingCache({ capacity: 10, inFlightTtlMs }),
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
});

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
