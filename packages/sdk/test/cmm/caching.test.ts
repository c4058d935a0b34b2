import * as fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { knownSuite } from '../../src/commitment-policy.ts';
import {
  type AlgorithmSuiteId,
  type CommitmentPolicy,
  cachingCmm,
  encryptionClient,
  type Keyring,
  localCache,
  requiredEncryptionContextCmm,
  stormTrackingCache,
} from '../../src/index.ts';
import { type CryptographicMaterialsManager, defaultCmm } from '../../src/spi.ts';
import { memoryKeyring, rejection } from '../fixtures/memory-keyring.ts';

const plaintext = Uint8Array.of(1, 2, 3);
const client = encryptionClient();
const hundred = Array.from({ length: 100 });
const caches = { localCache, stormTrackingCache };
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

afterEach(() => void vi.useRealTimers());

/** A keyring that takes its time, as one over a network does. */
function slow(keyring: Keyring, delayMs = 5): Keyring {
  return {
    onEncrypt: async (materials) => {
      await pause(delayMs);
      return keyring.onEncrypt(materials);
    },
    onDecrypt: async (materials, keys) => {
      await pause(delayMs);
      return keyring.onDecrypt(materials, keys);
    },
  };
}

/** A keyring, and the very arrays that it handed out as data keys. */
function keyringThatShows() {
  const inner = memoryKeyring();
  const kept: (Uint8Array | undefined)[] = [];
  const keyring: Keyring = {
    ...inner,
    async onEncrypt(materials) {
      const wrapped = await inner.onEncrypt(materials);
      kept.push(wrapped.dataKey);
      return wrapped;
    },
  };
  return { keyring, kept };
}

describe.each(Object.entries(caches))('a caching CMM over %s', (_, makeCache) => {
  it('makes one call for 100 simultaneous encryptions, and one for 100 decryptions', async () => {
    const keyring = memoryKeyring();
    const cache = makeCache({ capacity: 10 });
    const cmm = cachingCmm({ keyring: slow(keyring), cache, ttlMs: 60_000 });
    const sealed = await Promise.all(hundred.map(() => client.encrypt(plaintext, { cmm })));
    expect(keyring.calls).toEqual({ encrypt: 1, decrypt: 0 });
    const opened = await Promise.all(sealed.map(({ message }) => client.decrypt(message, { cmm })));
    expect(opened.every((result) => Buffer.compare(result.plaintext, plaintext) === 0)).toBe(true);
    expect(keyring.calls).toEqual({ encrypt: 1, decrypt: 1 });
    await client.encrypt(plaintext, { cmm });
    expect(cache.counters()).toEqual({ hits: 1, misses: 200, loads: 2, evictions: 0 });
  });

  it('shares nothing with a capacity of 0 but calls under way', async () => {
    const keyring = memoryKeyring();
    const cmm = cachingCmm({ keyring: slow(keyring), cache: makeCache({ capacity: 0 }), ttlMs: 60_000 });
    const sealed = await Promise.all(hundred.map(() => client.encrypt(plaintext, { cmm })));
    await client.encrypt(plaintext, { cmm });
    expect(keyring.calls.encrypt).toBe(2);
    for (const { message } of sealed) {
      expect((await client.decrypt(message, { keyring })).plaintext).toEqual(plaintext);
    }
  });

  it('does not keep failures', async () => {
    const inner = memoryKeyring();
    let failures = 1;
    const keyring: Keyring = {
      ...inner,
      onEncrypt: (materials) =>
        failures-- > 0 ? Promise.reject(new Error('down')) : inner.onEncrypt(materials),
    };
    const cmm = cachingCmm({ keyring, cache: makeCache({ capacity: 10 }), ttlMs: 60_000 });
    const both = [client.encrypt(plaintext, { cmm }), client.encrypt(plaintext, { cmm })];
    for (const encrypting of both) {
      expect(await rejection(encrypting)).toMatchObject({
        code: 'KEYRING_FAILED',
        cause: { message: 'down' },
      });
    }
    expect((await client.encrypt(plaintext, { cmm })).message.length).toBeGreaterThan(0);
  });

  it('lets one of the waiting give up without disturbing the others', async () => {
    const keyring = memoryKeyring();
    const cmm = cachingCmm({ keyring: slow(keyring, 20), cache: makeCache({ capacity: 10 }), ttlMs: 60_000 });
    const controller = new AbortController();
    const impatient = client.encrypt(plaintext, { cmm, signal: controller.signal });
    const patient = client.encrypt(plaintext, { cmm });
    controller.abort(new Error('no time'));
    expect(await rejection(impatient)).toMatchObject({ message: 'no time' });
    expect((await client.decrypt((await patient).message, { keyring })).plaintext).toEqual(plaintext);
    expect(await rejection(client.encrypt(plaintext, { cmm, signal: controller.signal }))).toMatchObject({
      message: 'no time',
    });
    expect(keyring.calls.encrypt).toBe(1);
  });

  it('asks for new materials after as many messages or bytes as one data key may write', async () => {
    for (const limits of [{ maxMessages: 3 }, { maxBytes: 9 }, { maxBytes: 11 }]) {
      const keyring = memoryKeyring();
      const cmm = cachingCmm({ keyring, cache: makeCache({ capacity: 10 }), ttlMs: 60_000, ...limits });
      for (let message = 1; message <= 7; message++) {
        await client.encrypt(plaintext, { cmm });
        expect(keyring.calls.encrypt).toBe(Math.ceil(message / 3));
      }
    }
  });

  it('keeps to the limits among simultaneous callers', async () => {
    const keyring = memoryKeyring();
    const cache = makeCache({ capacity: 10 });
    const cmm = cachingCmm({ keyring: slow(keyring, 1), cache, ttlMs: 60_000, maxMessages: 30 });
    await Promise.all(hundred.map(() => client.encrypt(plaintext, { cmm })));
    expect(keyring.calls.encrypt).toBe(4);
  });

  it.each([{ maxMessages: 1 }, { maxBytes: 5 }])(
    'lets no caller wait for another where no two can share a data key: %o',
    async (limits) => {
      const { keyring, kept } = keyringThatShows();
      let answer = (): void => undefined;
      const answered = new Promise<void>((resolve) => void (answer = resolve));
      let asked = 0;
      const waiting: Keyring = {
        ...keyring,
        async onEncrypt(materials) {
          asked += 1;
          await answered;
          return keyring.onEncrypt(materials);
        },
      };
      const cache = makeCache({ capacity: 10 });
      const cmm = cachingCmm({ keyring: waiting, cache, ttlMs: 60_000, ...limits });
      const sealed = hundred.map(() => client.encrypt(plaintext, { cmm, suite: 0x0478 }));
      await expect.poll(() => asked).toBe(hundred.length);
      answer();
      for (const { message } of await Promise.all(sealed)) {
        expect((await client.decrypt(message, { keyring })).plaintext).toEqual(plaintext);
      }
      expect(kept).toHaveLength(hundred.length);
    },
  );

  it('passes by what must not be cached', async () => {
    const keyring = memoryKeyring();
    const cache = makeCache({ capacity: 10 });
    const cmm = cachingCmm({ keyring, cache, ttlMs: 60_000, maxBytes: 2 });
    const unlimited = cachingCmm({ keyring, cache, ttlMs: 60_000 });
    const legacy = encryptionClient({ commitmentPolicy: 'FORBID_ENCRYPT_ALLOW_DECRYPT' });
    const { message } = await legacy.encrypt(plaintext, { cmm: unlimited, suite: 0x0078 });
    await legacy.decrypt(message, { cmm: unlimited });
    await client.encrypt(plaintext, { cmm });
    // There is no other caller to share it with.
    for (const limits of [{ maxMessages: 1 }, { maxBytes: 5 }]) {
      await client.encrypt(plaintext, { cmm: cachingCmm({ keyring, cache, ttlMs: 60_000, ...limits }) });
    }
    expect(cache.counters()).toMatchObject({ hits: 0, misses: 0 });
  });

  it('forgets the least recently used first', async () => {
    const keyring = memoryKeyring();
    const cache = makeCache({ capacity: 2 });
    const cmm = cachingCmm({ keyring, cache, ttlMs: 60_000 });
    for (const a of ['1', '2', '1', '3', '1', '2'])
      await client.encrypt(plaintext, { cmm, encryptionContext: { a } });
    expect(cache.counters()).toMatchObject({ hits: 2, loads: 4, evictions: 2 });
  });

  it('forgets when the time is over, and wipes what it kept', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const { keyring, kept } = keyringThatShows();
    const cmm = cachingCmm({ keyring, cache: makeCache({ capacity: 2 }), ttlMs: 20_000 });
    await client.encrypt(plaintext, { cmm });
    expect(kept).not.toEqual([new Uint8Array(32)]);
    await vi.advanceTimersByTimeAsync(21_000);
    expect(kept).toEqual([new Uint8Array(32)]);
    await client.encrypt(plaintext, { cmm });
    expect(kept).toHaveLength(2);
  });

  it('never hands materials from one policy, suite, context, partition or set of required keys to another', async () => {
    const policies: CommitmentPolicy[] = [
      'FORBID_ENCRYPT_ALLOW_DECRYPT',
      'REQUIRE_ENCRYPT_ALLOW_DECRYPT',
      'REQUIRE_ENCRYPT_REQUIRE_DECRYPT',
    ];
    const settings = fc.record({
      policy: fc.constantFrom(...policies),
      signed: fc.boolean(),
      a: fc.constantFrom('1', '2'),
      partitionId: fc.constantFrom('p', 'q'),
      required: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(settings, { maxLength: 25 }), async (runs) => {
        const cache = makeCache({ capacity: 100 });
        const keyring = memoryKeyring();
        const seen = new Set<string>();
        for (const { policy, signed, a, partitionId, required } of runs) {
          const caching = cachingCmm({ keyring, cache, ttlMs: 60_000, partitionId });
          const requiredKeys = { cmm: caching, requiredEncryptionContextKeys: ['a'] };
          const cmm = required ? requiredEncryptionContextCmm(requiredKeys) : caching;
          const commits = policy !== 'FORBID_ENCRYPT_ALLOW_DECRYPT';
          const suite = commits ? (signed ? 0x0578 : 0x0478) : signed ? 0x0378 : 0x0178;
          const user = encryptionClient({ commitmentPolicy: policy });
          const encryptionContext = { a };
          const sealed = await user.encrypt(plaintext, { cmm, suite, encryptionContext });
          expect(sealed.suite.id).toBe(suite);
          expect('a' in sealed.header.encryptionContext).toBe(!required);
          const opened = await user.decrypt(sealed.message, { cmm, encryptionContext });
          expect(opened.encryptionContext).toMatchObject({ a });
          seen.add(JSON.stringify([policy, suite, a, partitionId, required]));
        }
        expect(keyring.calls).toEqual({ encrypt: seen.size, decrypt: seen.size });
      }),
      { numRuns: 15 },
    );
  });

  it('refuses, under a strict policy, what a lenient client on the same cache has decrypted', async () => {
    const keyring = memoryKeyring();
    const cache = makeCache({ capacity: 10 });
    const cmm = cachingCmm({ keyring, cache, ttlMs: 60_000, partitionId: 'shared' });
    const lenient = encryptionClient({ commitmentPolicy: 'FORBID_ENCRYPT_ALLOW_DECRYPT' });
    const { message } = await lenient.encrypt(plaintext, { cmm, suite: 0x0178 });
    await lenient.decrypt(message, { cmm });
    expect(await rejection(client.decrypt(message, { cmm }))).toMatchObject({
      code: 'COMMITMENT_POLICY_VIOLATED',
    });
  });
});

describe('a caching CMM', () => {
  const keyring = memoryKeyring();
  const cache = localCache({ capacity: 1 });
  it.each([
    { ttlMs: 0 },
    { ttlMs: undefined },
    { ttlMs: '600000' },
    { ttlMs: 1, maxMessages: 0 },
    { ttlMs: 1, maxMessages: 2 ** 33 },
    { ttlMs: 1, maxBytes: -1 },
  ])('refuses the limits %j', (limits) => {
    // @ts-expect-error some of it is nothing that the compiler lets pass
    expect(() => cachingCmm({ keyring, cache, ...limits })).toThrow(RangeError);
  });

  it.each([undefined, null, {}, 100])('refuses to be made without a cache, with %j in its place', (none) => {
    // @ts-expect-error
    expect(() => cachingCmm({ keyring, cache: none, ttlMs: 1 })).toThrow(/^cache: expected/u);
    // @ts-expect-error
    expect(() => cachingCmm({ keyring, cache: none, ttlMs: 1 })).toThrow(TypeError);
  });
});

/** A caching CMM over one that has a suite of its own for callers that name none. */
function cachingOver(chosen: AlgorithmSuiteId, { isWilful = false } = {}) {
  const keyring = memoryKeyring();
  const inner = defaultCmm(keyring);
  const choosing: CryptographicMaterialsManager = {
    ...inner,
    async encryptionMaterials({ commitmentPolicy, suite = knownSuite(chosen), ...request }) {
      const policy = isWilful ? 'FORBID_ENCRYPT_ALLOW_DECRYPT' : commitmentPolicy;
      return inner.encryptionMaterials({ ...request, commitmentPolicy: policy, suite });
    },
  };
  const cmm = cachingCmm({ cmm: choosing, cache: localCache({ capacity: 10 }), ttlMs: 60_000 });
  return { cmm, keyring };
}

describe('cached materials', () => {
  it('have the suite that the underlying CMM chose, where the caller named none', async () => {
    const { cmm, keyring } = cachingOver(0x0478);
    for (const options of [{ cmm }, { cmm, suite: 0x0578 } as const, { cmm }]) {
      const { suite, message } = await client.encrypt(plaintext, options);
      expect(suite.id).toBe(options.suite ?? 0x0478);
      expect((await client.decrypt(message, { keyring })).suite).toBe(suite);
    }
    expect(keyring.calls.encrypt).toBe(2);
  });

  it('are not kept when the underlying CMM chose a suite without derivation', async () => {
    const { cmm } = cachingOver(0x0078);
    const legacy = encryptionClient({ commitmentPolicy: 'FORBID_ENCRYPT_ALLOW_DECRYPT' });
    expect(await rejection(legacy.encrypt(plaintext, { cmm }))).toMatchObject({ code: 'MATERIALS_INVALID' });
  });

  it('are not kept when the underlying CMM chose a suite that the policy forbids', async () => {
    const { cmm, keyring } = cachingOver(0x0178, { isWilful: true });
    for (const calls of [1, 2]) {
      expect(await rejection(client.encrypt(plaintext, { cmm }))).toMatchObject({
        code: 'COMMITMENT_POLICY_VIOLATED',
      });
      expect(keyring.calls.encrypt).toBe(calls);
    }
  });

  it('cannot be changed through what the application is given', async () => {
    const keyring = memoryKeyring();
    const cmm = cachingCmm({ keyring, cache: localCache({ capacity: 10 }), ttlMs: 60_000 });
    const encryptionContext = { tenant: 'acme' };
    const first = await client.encrypt(plaintext, { cmm, encryptionContext });
    expect(() => Object.assign(first.encryptionContext, { tenant: 'mallory' })).toThrow(TypeError);
    expect(() => Object.assign(first.header.encryptionContext, { tenant: 'mallory' })).toThrow(TypeError);
    first.header.encryptedDataKeys[0]?.ciphertext.fill(0);
    const second = await client.encrypt(plaintext, { cmm, encryptionContext });
    expect((await client.decrypt(second.message, { keyring })).encryptionContext).toMatchObject(
      encryptionContext,
    );
  });

  it('cannot be changed either where the keyring answered Buffers', async () => {
    const inner = memoryKeyring();
    const keyring: Keyring = {
      ...inner,
      async onEncrypt(materials) {
        const wrapped = await inner.onEncrypt(materials);
        const encryptedDataKeys = wrapped.encryptedDataKeys.map((key) => ({
          ...key,
          providerInfo: Buffer.from(key.providerInfo),
          ciphertext: Buffer.from(key.ciphertext),
        }));
        return { ...wrapped, encryptedDataKeys };
      },
    };
    const cmm = cachingCmm({ keyring, cache: localCache({ capacity: 10 }), ttlMs: 60_000 });
    const { header } = await client.encrypt(plaintext, { cmm });
    for (const { providerInfo, ciphertext } of header.encryptedDataKeys) {
      for (const field of [providerInfo, ciphertext]) field.fill(0xee);
    }
    const { message, header: second } = await client.encrypt(plaintext, { cmm });
    expect(second.encryptedDataKeys.map(({ providerInfo }) => [...providerInfo])).toEqual([[0]]);
    expect((await client.decrypt(message, { keyring })).plaintext).toEqual(plaintext);
  });

  it('are used by each CMM for its own time only', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const keyring = memoryKeyring();
    const cache = localCache({ capacity: 10 });
    const patient = cachingCmm({ keyring, cache, ttlMs: 3_600_000, partitionId: 'p' });
    const strict = cachingCmm({ keyring, cache, ttlMs: 20_000, partitionId: 'p' });
    await client.encrypt(plaintext, { cmm: patient });
    await client.encrypt(plaintext, { cmm: strict });
    expect(keyring.calls.encrypt).toBe(1);
    await vi.advanceTimersByTimeAsync(30_000);
    await client.encrypt(plaintext, { cmm: patient });
    expect(keyring.calls.encrypt).toBe(1);
    await client.encrypt(plaintext, { cmm: strict });
    expect(keyring.calls.encrypt).toBe(2);
  });

  it('are wiped at their end though others end later', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const { keyring, kept } = keyringThatShows();
    const cache = localCache({ capacity: 10 });
    await client.encrypt(plaintext, { cmm: cachingCmm({ keyring, cache, ttlMs: 3_600_000 }) });
    await client.encrypt(plaintext, { cmm: cachingCmm({ keyring, cache, ttlMs: 2_000 }) });
    await vi.advanceTimersByTimeAsync(3_100);
    expect(kept.map((key) => key?.every((byte) => byte === 0))).toEqual([false, true]);
  });
});

describe('a cache', () => {
  it.each([-1, 1.5])('refuses the capacity %d', (capacity) => {
    expect(() => localCache({ capacity })).toThrow(RangeError);
  });
});
