import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  cachingCmm,
  encryptionClient,
  type Keyring,
  localCache,
  stormTrackingCache,
} from '../../src/index.ts';
import type { EncryptedDataKey, EncryptionMaterials } from '../../src/spi.ts';
import { memoryKeyring, rejection } from '../fixtures/memory-keyring.ts';

const plaintext = Uint8Array.of(1, 2, 3);
const client = encryptionClient();

afterEach(() => void vi.useRealTimers());

const invalidAnswers = {
  'without a data key': (materials: EncryptionMaterials) => materials,
  'without an encrypted data key': (materials: EncryptionMaterials) => ({
    ...materials,
    dataKey: new Uint8Array(32).fill(1),
  }),
  'with a data key that is too short': async (materials: EncryptionMaterials) => ({
    ...(await memoryKeyring().onEncrypt(materials)),
    dataKey: new Uint8Array(16).fill(1),
  }),
  'with an encrypted data key that is base64': async (materials: EncryptionMaterials) => {
    const wrapped = await memoryKeyring().onEncrypt(materials);
    const asText = ({ ciphertext }: EncryptedDataKey) => Buffer.from(ciphertext).toString('base64');
    // As what JSON.parse returns, which has any type.
    const untyped = wrapped.encryptedDataKeys.map((key) =>
      Object.assign({ ...key }, { ciphertext: asText(key) }),
    );
    return Object.assign({ ...wrapped }, { encryptedDataKeys: untyped });
  },
};

/** A keyring whose call with this number, counted from 1 and for encryption, is answered in this way. */
function keyringWith(invalidCall: number, answer: Keyring['onEncrypt']) {
  const inner = memoryKeyring();
  let calls = 0;
  const keyring: Keyring = {
    ...inner,
    onEncrypt: (materials) => (++calls === invalidCall ? answer(materials) : inner.onEncrypt(materials)),
  };
  return { keyring, calls: () => calls };
}

describe.each(Object.entries(invalidAnswers))('materials for encryption %s', (_, invalid) => {
  it.each(Object.entries({ localCache, stormTrackingCache }))(
    'fail who asked for them, and are not kept by %s',
    async (__, makeCache) => {
      const { keyring } = keyringWith(1, async (materials) => invalid(materials));
      const cmm = cachingCmm({ keyring, cache: makeCache({ capacity: 10 }), ttlMs: 60_000 });
      expect(await rejection(client.encrypt(plaintext, { cmm }))).toMatchObject({
        code: 'MATERIALS_INVALID',
      });
      const { message } = await client.encrypt(plaintext, { cmm });
      expect((await client.decrypt(message, { keyring })).plaintext).toEqual(plaintext);
    },
  );

  it('do not take the place of good ones when a call in the background brings them, and are wiped', async () => {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout'] });
    const answered: (Uint8Array | undefined)[] = [];
    const { keyring, calls } = keyringWith(2, async (materials) => {
      const answer = await invalid(materials);
      answered.push(answer.dataKey);
      return answer;
    });
    const cmm = cachingCmm({ keyring, cache: stormTrackingCache({ capacity: 10 }), ttlMs: 60_000 });
    await client.encrypt(plaintext, { cmm });
    await vi.advanceTimersByTimeAsync(51_000); // in the grace period
    for (const callsSoFar of [1, 2]) {
      expect(calls()).toBe(callsSoFar);
      const { message } = await client.encrypt(plaintext, { cmm });
      expect((await client.decrypt(message, { keyring })).plaintext).toEqual(plaintext);
    }
    expect(answered).toHaveLength(1);
    expect(answered[0]?.every((byte) => byte === 0) ?? true).toBe(true);
  });
});

describe.each(Object.entries({ localCache, stormTrackingCache }))('over %s', (_, makeCache) => {
  it('materials for decryption with a data key that is too short are wiped and not kept', async () => {
    const inner = memoryKeyring();
    const tooShort = new Uint8Array(16).fill(1);
    let calls = 0;
    const keyring: Keyring = {
      ...inner,
      onDecrypt: async (materials, keys) =>
        ++calls === 1 ? { ...materials, dataKey: tooShort } : inner.onDecrypt(materials, keys),
    };
    const { message } = await client.encrypt(plaintext, { keyring });
    const cmm = cachingCmm({ keyring, cache: makeCache({ capacity: 10 }), ttlMs: 60_000 });
    expect(await rejection(client.decrypt(message, { cmm }))).toMatchObject({ code: 'MATERIALS_INVALID' });
    expect(tooShort).toEqual(new Uint8Array(16));
    expect((await client.decrypt(message, { cmm })).plaintext).toEqual(plaintext);
  });
});
