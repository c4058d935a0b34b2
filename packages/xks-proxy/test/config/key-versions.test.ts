import { afterEach, describe, expect, it, vi } from 'vitest';
import { currentVersion, lastVersion } from '../../src/config/key-versions.ts';
import type { KeyVersionConfig } from '../../src/config/keys.ts';

describe('the version of a key that encrypts', () => {
  afterEach(() => void vi.useRealTimers());

  const START = Date.parse('2026-11-22T07:00:00Z');
  const version = (version: number, afterMs?: number): KeyVersionConfig => ({
    version,
    selector: { label: `v${version}` },
    encryptsFrom: afterMs === undefined ? undefined : new Date(START + afterMs),
  });
  const key = (...versions: readonly KeyVersionConfig[]) =>
    ({
      externalKeyId: 'orders',
      tokens: undefined,
      versions,
      usages: ['ENCRYPT', 'DECRYPT'],
      status: 'ENABLED',
      acceptReferenceCiphertext: false,
    }) as const;
  const currentAt = (afterMs: number, ...versions: readonly KeyVersionConfig[]) => {
    vi.useFakeTimers({ toFake: ['Date'], now: START + afterMs });
    return currentVersion(key(...versions)).version;
  };

  it('is the last one whose time has come', () => {
    const versions = [version(1), version(2, 0), version(3, 10_000)];
    expect([-1, 0, 9_999, 10_000].map((afterMs) => currentAt(afterMs, ...versions))).toEqual([1, 2, 2, 3]);
    expect(lastVersion(key(...versions)).version).toBe(3);
  });

  it('is the last one where none has to wait', () => {
    expect(currentAt(0, version(1), version(2))).toBe(2);
  });

  it('is the first one where all would have to wait', () => {
    expect(currentAt(0, version(2, 1), version(3, 2))).toBe(2);
  });
});
