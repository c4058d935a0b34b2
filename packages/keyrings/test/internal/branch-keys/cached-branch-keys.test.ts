import { cachingCmm, encryptionClient, localCache, stormTrackingCache } from '@holdfast/sdk';
import type { MaterialsCache } from '@holdfast/sdk/spi';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BranchKeySource } from '../../../src/branch-key-store.ts';
import { hierarchicalKeyring } from '../../../src/hierarchical.ts';
import {
  type CachedBranchKeys,
  cachedBranchKeys,
} from '../../../src/internal/branch-keys/cached-branch-keys.ts';
import { KeyringError } from '../../../src/internal/errors.ts';
import { foreignBytes, keyringError } from '../../fixtures/materials.ts';
import { type StaticKeyStore, staticKeyStore } from '../../fixtures/static-key-store.ts';

const version = '5f7c1d0e-3d5a-4a1b-8f53-9d4e0c3a2b1f';

afterEach(() => void vi.useRealTimers());

interface Options {
  readonly keyStore: BranchKeySource;
  readonly cache?: MaterialsCache;
  readonly ttlMs?: number;
  readonly partition?: string;
}

function cached({
  keyStore,
  cache = localCache({ capacity: 10 }),
  ttlMs = 10_000,
  partition = 'p',
}: Options): CachedBranchKeys {
  return cachedBranchKeys({ keyStore, cache, ttlMs, partition: Buffer.from(partition) });
}

describe('branch keys by way of a cache', () => {
  it('are asked for once in their time, the active one and each version apart', async () => {
    const keyStore = staticKeyStore();
    const branchKeys = cached({ keyStore });
    for (let round = 0; round < 3; round++) {
      await branchKeys.activeBranchKey('a');
      await branchKeys.activeBranchKey('b');
      await branchKeys.branchKeyVersion('a', version);
      await branchKeys.branchKeyVersion('a', version.replace('5', '6'));
    }
    expect(keyStore.calls).toEqual(['active a', 'active b', 'version a', 'version a']);
  });

  it.each([localCache, stormTrackingCache])(
    'are asked for once by 100 at once, over %o',
    async (makeCache) => {
      const keyStore = staticKeyStore();
      const branchKeys = cached({ keyStore, cache: makeCache({ capacity: 10 }) });
      const all = await Promise.all(Array.from({ length: 100 }, () => branchKeys.activeBranchKey('a')));
      expect(keyStore.calls).toEqual(['active a']);
      expect(new Set(all.map(({ branchKey }) => branchKey)).size).toBe(100);
    },
  );

  it('are asked for again after a failure, which all who waited for it share', async () => {
    const inner = staticKeyStore();
    let failures = 1;
    const keyStore: BranchKeySource = {
      ...inner,
      activeBranchKey: async (branchKeyId) => {
        const materials = await inner.activeBranchKey(branchKeyId);
        if (failures-- > 0) throw new Error('not now');
        return materials;
      },
    };
    const branchKeys = cached({ keyStore });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, () => branchKeys.activeBranchKey('a')),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 10 }, () => 'rejected'));
    expect(outcomes[0]).toMatchObject({
      reason: { code: 'KEY_SERVICE_UNAVAILABLE', cause: { message: 'not now' } },
    });
    await branchKeys.activeBranchKey('a');
    expect(inner.calls).toHaveLength(2);
  });

  it('work as long as their time lasts when the key store is out', async () => {
    const keyStore = staticKeyStore();
    const branchKeys = cached({ keyStore });
    const { branchKey } = await branchKeys.activeBranchKey('a');
    const outage = Promise.reject(new KeyringError('KEY_SERVICE_UNAVAILABLE', 'out'));
    keyStore.delay(outage);
    expect((await branchKeys.activeBranchKey('a')).branchKey).toEqual(branchKey);
    expect((await keyringError(branchKeys.branchKeyVersion('a', version))).code).toBe(
      'KEY_SERVICE_UNAVAILABLE',
    );
  });

  it('are out when the key store takes too long', async () => {
    const keyStore = staticKeyStore();
    const branchKeys = cached({ keyStore, cache: localCache({ capacity: 10, inFlightTtlMs: 20 }) });
    keyStore.delay(new Promise(() => undefined));
    const error = await keyringError(branchKeys.activeBranchKey('a'));
    expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'branch key store' });
  });

  it('are asked for again when their time is over, and wiped', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const keyStore = staticKeyStore();
    const branchKeys = cached({ keyStore, ttlMs: 10_000 });
    await branchKeys.activeBranchKey('a');
    await vi.advanceTimersByTimeAsync(9_000);
    await branchKeys.activeBranchKey('a');
    expect(keyStore.given).not.toEqual([new Uint8Array(32)]);
    await vi.advanceTimersByTimeAsync(1_000);
    await branchKeys.activeBranchKey('a');
    expect(keyStore.calls).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(keyStore.given).toEqual([new Uint8Array(32), new Uint8Array(32)]);
  });

  it('are no older than their user wants, though somebody else wants them to live longer', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const keyStore = staticKeyStore();
    const cache = localCache({ capacity: 10 });
    const patient = cached({ keyStore, cache, ttlMs: 100_000 });
    const hasty = cached({ keyStore, cache, ttlMs: 1_000 });
    await patient.activeBranchKey('a');
    await hasty.activeBranchKey('a');
    expect(keyStore.calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1_000);
    await patient.activeBranchKey('a');
    expect(keyStore.calls).toHaveLength(1);
    await hasty.activeBranchKey('a');
    expect(keyStore.calls).toHaveLength(2);
  });

  it('may come from another realm', async () => {
    const keyStore = staticKeyStore();
    const foreign: BranchKeySource = {
      ...keyStore,
      async activeBranchKey(branchKeyId) {
        const materials = await keyStore.activeBranchKey(branchKeyId);
        return { ...materials, branchKey: foreignBytes(materials.branchKey) };
      },
    };
    const { branchKey } = await cached({ keyStore: foreign }).activeBranchKey('a');
    expect(branchKey).toEqual((await keyStore.activeBranchKey('a')).branchKey);
  });

  it('are in memory of their own, for whoever wipes them', async () => {
    const branchKeys = cached({ keyStore: staticKeyStore() });
    const { branchKey } = await branchKeys.activeBranchKey('a');
    const kept = branchKey.slice();
    branchKey.fill(0);
    expect((await branchKeys.activeBranchKey('a')).branchKey).toEqual(kept);
  });

  const neighbours: Readonly<Record<string, (keyStore: StaticKeyStore) => Options>> = {
    'another partition': (keyStore) => ({ keyStore, partition: 'q' }),
    'a key store of another logical name': () => ({ keyStore: staticKeyStore('invoices') }),
    'names that are the same when put together': () => ({
      keyStore: staticKeyStore('ders'),
      partition: 'por',
    }),
    'names that are the same when put together with a NUL': (keyStore) => ({
      keyStore,
      partition: 'p\0orders',
    }),
  };
  for (const [difference, neighbour] of Object.entries(neighbours)) {
    it(`are not shared with ${difference}`, async () => {
      const keyStore = staticKeyStore();
      const cache = localCache({ capacity: 10 });
      await cached({ keyStore, cache }).activeBranchKey('a');
      await cached({ ...neighbour(keyStore), cache }).activeBranchKey('a');
      expect(cache.counters()).toMatchObject({ hits: 0, loads: 2 });
    });
  }

  it('are shared in one partition by key stores of the same logical name', async () => {
    const cache = localCache({ capacity: 10 });
    await cached({ keyStore: staticKeyStore(), cache }).activeBranchKey('a');
    const second = staticKeyStore();
    await cached({ keyStore: second, cache }).activeBranchKey('a');
    expect(second.calls).toEqual([]);
  });

  const wrong: Readonly<Record<string, object>> = {
    'another length': { branchKey: new Uint8Array(16) },
    'no version': { branchKeyVersion: '' },
    'a version that is no UUID': { branchKeyVersion: version.replace('-', '_') },
    'another id': { branchKeyId: 'b' },
  };
  for (const [fault, change] of Object.entries(wrong)) {
    it(`are refused with ${fault}`, async () => {
      const inner = staticKeyStore();
      const keyStore: BranchKeySource = {
        ...inner,
        activeBranchKey: async (branchKeyId) => ({
          ...(await inner.activeBranchKey(branchKeyId)),
          ...change,
        }),
      };
      const error = await keyringError(cached({ keyStore }).activeBranchKey('a'));
      expect(error.code).toBe('BRANCH_KEY_INVALID');
    });
  }

  const answers: Readonly<Record<string, unknown>> = {
    nothing: undefined,
    null: null,
    'an empty object': {},
    'a key that is text': { branchKeyId: 'a', branchKeyVersion: version, branchKey: 'k'.repeat(32) },
  };
  for (const [fault, answer] of Object.entries(answers)) {
    it(`are refused where the key store answers with ${fault}`, async () => {
      const activeBranchKey = async () => answer;
      // @ts-expect-error what JavaScript lets through
      const keyStore: BranchKeySource = { ...staticKeyStore(), activeBranchKey };
      const error = await keyringError(cached({ keyStore }).activeBranchKey('a'));
      expect(error.code).toBe('BRANCH_KEY_INVALID');
    });
  }

  it('are refused, and wiped, with another version than was asked for', async () => {
    const inner = staticKeyStore();
    const branchKeyVersion: BranchKeySource['branchKeyVersion'] = (id) => inner.activeBranchKey(id);
    const keyStore = { ...inner, branchKeyVersion };
    const error = await keyringError(cached({ keyStore }).branchKeyVersion('a', version));
    expect(error.code).toBe('BRANCH_KEY_INVALID');
    expect(inner.given).toEqual([new Uint8Array(32)]);
  });
});

describe('one cache', () => {
  it('serves hierarchical keyrings and caching CMMs side by side', async () => {
    const cache = localCache({ capacity: 100 });
    const keyStore = staticKeyStore();
    const keyring = hierarchicalKeyring({
      keyStore,
      branchKeyId: 'a',
      ttlMs: 10_000,
      cache,
      partitionId: 'p',
    });
    const cmm = cachingCmm({ keyring, cache, ttlMs: 10_000, partitionId: 'p' });
    const client = encryptionClient();
    const plaintext = Buffer.from('42 anchors');
    for (let round = 0; round < 3; round++) {
      const { message } = await client.encrypt(plaintext, { cmm });
      expect(Buffer.from((await client.decrypt(message, { cmm })).plaintext)).toEqual(plaintext);
    }
    expect(keyStore.calls).toEqual(['active a', 'version a']);
    expect(cache.counters().loads).toBe(4);
  });
});
