import { afterEach, describe, expect, it, vi } from 'vitest';
import { stormTrackingCache } from '../../src/index.ts';
import type { CachedMaterials } from '../../src/spi.ts';

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('a load in the background', () => {
  it('is made again by the first hit after the interval, on a clock that goes on between two lines', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let nowMs = 0;
    let stepMs = 0.01;
    vi.spyOn(performance, 'now').mockImplementation(() => (nowMs += stepMs));
    const begunAtMs: number[] = [];
    const cache = stormTrackingCache({ capacity: 10 });
    const hit = () =>
      cache.fetch({
        id: 'a',
        ttlMs: 60_000,
        load: () =>
          begunAtMs.push(nowMs) === 2 ? new Promise(() => undefined) : Promise.resolve(branchKey()),
        use: () => true,
      });
    await hit();
    nowMs = 51_000; // in the grace period
    await hit();
    expect(begunAtMs).toHaveLength(2);

    stepMs = 0.0001;
    nowMs += 999.5;
    for (let i = 0; i < 1_000; i++, nowMs += 0.001) await hit();
    const [, hanging = 0, next = 0] = begunAtMs;
    expect(next - hanging).toBeGreaterThanOrEqual(1_000);
    expect(next - hanging).toBeLessThan(1_001);
  });
});

function branchKey(): CachedMaterials {
  const materials = {
    branchKeyId: 'a',
    branchKeyVersion: 'v',
    encryptionContext: {},
    branchKey: new Uint8Array(32).fill(1),
  };
  return { kind: 'branch-key', materials };
}
