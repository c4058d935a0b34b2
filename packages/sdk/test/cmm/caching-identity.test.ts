import { afterEach, describe, expect, it, vi } from 'vitest';
import { knownSuite } from '../../src/commitment-policy.ts';
import {
  cachingCmm,
  encryptionClient,
  localCache,
  requiredEncryptionContextCmm,
  stormTrackingCache,
} from '../../src/index.ts';
import type { MaterialsCache } from '../../src/spi.ts';
import { memoryKeyring, rejection, unboundKeyring } from '../fixtures/memory-keyring.ts';

const plaintext = Uint8Array.of(1, 2, 3);
const client = encryptionClient();
const suite = 0x0478;

afterEach(() => void vi.useRealTimers());

describe.each(Object.entries({ localCache, stormTrackingCache }))('a caching CMM over %s', (_, makeCache) => {
  it('opens every message with its own data key, though they differ in nothing else', async () => {
    const keyring = memoryKeyring();
    const cmm = cachingCmm({ keyring, cache: makeCache({ capacity: 10 }), ttlMs: 60_000 });
    for (let calls = 1; calls <= 3; calls++) {
      const { message } = await client.encrypt(plaintext, { keyring, suite });
      for (let round = 0; round < 2; round++) {
        expect((await client.decrypt(message, { cmm })).plaintext).toEqual(plaintext);
        expect(keyring.calls.decrypt).toBe(calls);
      }
    }
  });

  it('opens nothing for a reader whose pairs contradict the message, after one whose pairs do not', async () => {
    const keyring = unboundKeyring();
    const cmm = cachingCmm({ keyring, cache: makeCache({ capacity: 10 }), ttlMs: 60_000 });
    const { message } = await client.encrypt(plaintext, { keyring, suite, encryptionContext: { a: '1' } });
    for (const encryptionContext of [{}, { a: '1' }])
      await client.decrypt(message, { cmm, encryptionContext });
    for (const [encryptionContext, code] of [
      [{ a: '2' }, 'ENCRYPTION_CONTEXT_MISMATCH'],
      [{ b: '1' }, 'DECRYPTION_FAILED'],
    ] as const) {
      expect(await rejection(client.decrypt(message, { cmm, encryptionContext }))).toMatchObject({ code });
    }
  });

  it('tells pairs that a message stores from pairs that its reader brings', async () => {
    const cmm = cachingCmm({
      keyring: unboundKeyring(),
      cache: makeCache({ capacity: 10 }),
      ttlMs: 60_000,
    });
    const commitmentPolicy = 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT';
    const [stored, none] = [{ a: '1' }, {}];
    const { encryptedDataKeys } = await cmm.encryptionMaterials({
      commitmentPolicy,
      suite: knownSuite(suite),
      encryptionContext: stored,
      requiredEncryptionContextKeys: [],
      maxPlaintextLength: 3,
    });
    const request = { commitmentPolicy, suite: knownSuite(suite), encryptedDataKeys } as const;
    for (const [encryptionContext, reproducedEncryptionContext, required] of [
      [stored, none, []],
      [none, stored, ['a']],
      [stored, stored, []],
    ] as const) {
      const materials = await cmm.decryptionMaterials({
        ...request,
        encryptionContext,
        reproducedEncryptionContext,
      });
      expect(materials.requiredEncryptionContextKeys).toEqual(required);
    }
  });

  it('tells required keys apart that are the same letters', async () => {
    const keyring = memoryKeyring();
    const caching = cachingCmm({ keyring, cache: makeCache({ capacity: 10 }), ttlMs: 60_000 });
    const encryptionContext = { a: '1', ab: '2', bc: '3', c: '4' };
    for (const keys of [
      ['a', 'bc'],
      ['ab', 'c'],
    ]) {
      const cmm = requiredEncryptionContextCmm({ cmm: caching, requiredEncryptionContextKeys: keys });
      const { message, header } = await client.encrypt(plaintext, { cmm, suite, encryptionContext });
      expect(Object.keys(header.encryptionContext)).toEqual(
        Object.keys(encryptionContext).filter((key) => !keys.includes(key)),
      );
      const opened = await client.decrypt(message, { cmm, encryptionContext });
      expect(opened.plaintext).toEqual(plaintext);
    }
    expect(keyring.calls).toEqual({ encrypt: 2, decrypt: 2 });
  });

  it('opens with what it keeps for its own time only, however long another CMM keeps the same', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const keyring = memoryKeyring();
    const cache = makeCache({ capacity: 10 });
    const patient = cachingCmm({ keyring, cache, ttlMs: 3_600_000, partitionId: 'p' });
    const strict = cachingCmm({ keyring, cache, ttlMs: 20_000, partitionId: 'p' });
    const { message } = await client.encrypt(plaintext, { keyring, suite });
    await client.decrypt(message, { cmm: patient });
    await vi.advanceTimersByTimeAsync(19_999);
    await client.decrypt(message, { cmm: strict });
    expect(keyring.calls.decrypt).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    await client.decrypt(message, { cmm: strict });
    expect(keyring.calls.decrypt).toBe(2);
  });
});

describe('a caching CMM over a cache that takes all requests for one', () => {
  it('takes no materials for decryption in place of those for encryption, nor the other way round', async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(plaintext, { keyring, suite });
    const confused = () => {
      const cache = localCache({ capacity: 10 });
      const asOne: MaterialsCache = { ...cache, fetch: (request) => cache.fetch({ ...request, id: 'one' }) };
      return cachingCmm({ keyring, cache: asOne, ttlMs: 60_000 });
    };
    const [written, read] = [confused(), confused()];
    await client.encrypt(plaintext, { cmm: written, suite });
    await client.decrypt(message, { cmm: read });
    for (const action of [
      client.decrypt(message, { cmm: written }),
      client.encrypt(plaintext, { cmm: read, suite }),
    ]) {
      expect(await rejection(action)).toMatchObject({ code: 'MATERIALS_INVALID' });
    }
  });
});
