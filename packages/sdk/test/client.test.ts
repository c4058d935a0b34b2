import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { isBytes } from '../src/bytes.ts';
import { knownSuite } from '../src/commitment-policy.ts';
import {
  type CommitmentPolicy,
  EncryptionSdkError,
  type EncryptOptions,
  encryptionClient,
  inspectUnauthenticated,
  type Keyring,
} from '../src/index.ts';
import { type CryptographicMaterialsManager, defaultCmm } from '../src/spi.ts';
import { memoryKeyring, rejection, unboundKeyring } from './fixtures/memory-keyring.ts';

const plaintext = Uint8Array.of(1, 2, 3);

describe('a client', () => {
  it('requires commitment, limits encrypted data keys to 64 and signs, by default', async () => {
    const client = encryptionClient();
    expect(client).toMatchObject({
      commitmentPolicy: 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT',
      maxEncryptedDataKeys: 64,
    });
    const { suite, header } = await client.encrypt(plaintext, { keyring: memoryKeyring() });
    expect([suite.id, header.frameLength, header.contentType]).toEqual([0x0578, 4096, 'framed']);
  });

  it.each([0, -1, 1.5, Number.NaN, 65_536])('refuses the limit %d', (maxEncryptedDataKeys) => {
    expect(() => encryptionClient({ maxEncryptedDataKeys })).toThrow(RangeError);
  });

  it('refuses an unknown policy', () => {
    // @ts-expect-error a caller without types
    expect(() => encryptionClient({ commitmentPolicy: 'toString' })).toThrow(TypeError);
  });

  const policies: [CommitmentPolicy, { writes: number[]; reads: number[] }][] = [
    ['FORBID_ENCRYPT_ALLOW_DECRYPT', { writes: [0x0178], reads: [0x0178, 0x0478] }],
    ['REQUIRE_ENCRYPT_ALLOW_DECRYPT', { writes: [0x0478], reads: [0x0178, 0x0478] }],
    ['REQUIRE_ENCRYPT_REQUIRE_DECRYPT', { writes: [0x0478], reads: [0x0478] }],
  ];
  it.each(policies)(
    'under %s writes and reads the suites of the policy',
    async (commitmentPolicy, allowed) => {
      const client = encryptionClient({ commitmentPolicy });
      for (const suite of [0x0178, 0x0478] as const) {
        const keyring = memoryKeyring();
        const writing = client.encrypt(plaintext, { keyring, suite });
        if (allowed.writes.includes(suite)) await writing;
        else {
          expect(await rejection(writing)).toMatchObject({ code: 'COMMITMENT_POLICY_VIOLATED' });
          expect(keyring.calls.encrypt).toBe(0);
        }

        const writer = encryptionClient({
          commitmentPolicy:
            suite === 0x0178 ? 'FORBID_ENCRYPT_ALLOW_DECRYPT' : 'REQUIRE_ENCRYPT_ALLOW_DECRYPT',
        });
        const { message } = await writer.encrypt(plaintext, { keyring, suite });
        const reading = client.decrypt(message, { keyring });
        if (allowed.reads.includes(suite)) expect((await reading).plaintext).toEqual(plaintext);
        else {
          expect(await rejection(reading)).toMatchObject({ code: 'COMMITMENT_POLICY_VIOLATED' });
          expect(keyring.calls.decrypt).toBe(0);
        }
      }
    },
  );

  it('counts encrypted data keys before any is opened', async () => {
    const keyring = memoryKeyring(3);
    const strict = encryptionClient({ maxEncryptedDataKeys: 2 });
    const { message } = await encryptionClient().encrypt(plaintext, { keyring });
    for (const refused of [strict.decrypt(message, { keyring }), strict.encrypt(plaintext, { keyring })]) {
      expect(await rejection(refused)).toMatchObject({ code: 'TOO_MANY_ENCRYPTED_DATA_KEYS' });
    }
    expect(keyring.calls.decrypt).toBe(0);
    expect(
      (await encryptionClient({ maxEncryptedDataKeys: 3 }).decrypt(message, { keyring })).plaintext,
    ).toEqual(plaintext);
  });

  const wrongOptions: [string, object, unknown][] = [
    ['frame length 0', { frameLength: 0 }, RangeError],
    ['frame length 2^32', { frameLength: 2 ** 32 }, RangeError],
    ['a fraction as frame length', { frameLength: 1.5 }, RangeError],
    ['a reserved key', { encryptionContext: { 'aws-crypto-foo': '1' } }, EncryptionSdkError],
    ['both a keyring and a cmm', { cmm: {} }, TypeError],
    ['a suite that is none', { suite: 1 }, RangeError],
    ['a context value that is no string', { encryptionContext: { a: 1 } }, TypeError],
    ['an array as context', { encryptionContext: ['a'] }, TypeError],
    ['null as context', { encryptionContext: null }, TypeError],
    ['a Map as context', { encryptionContext: new Map([['tenant', 'acme']]) }, TypeError],
  ];
  it.each(wrongOptions)('refuses %s before it asks for a key', async (_, wrong, error) => {
    const keyring = memoryKeyring();
    const options: EncryptOptions = Object.assign({ keyring }, wrong);
    expect(await rejection(encryptionClient().encrypt(plaintext, options))).toBeInstanceOf(error);
    expect(keyring.calls.encrypt).toBe(0);
  });

  it('checks nothing less for a context that is null', async () => {
    const keyring = memoryKeyring();
    const { message } = await encryptionClient().encrypt(plaintext, { keyring });
    // @ts-expect-error a caller without types
    const reading = encryptionClient().decrypt(message, { keyring, encryptionContext: null });
    expect(await rejection(reading)).toBeInstanceOf(TypeError);
  });

  it('takes no bytes that another thread could change', async () => {
    const client = encryptionClient();
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(plaintext, { keyring });
    const shared = new Uint8Array(new SharedArrayBuffer(message.length));
    shared.set(message);
    for (const refused of [
      client.encrypt(shared, { keyring }),
      client.decrypt(shared, { keyring }),
      client.encryptor({ keyring }).update(shared),
      client.decryptor({ keyring }).update(shared),
    ]) {
      expect(await rejection(refused)).toBeInstanceOf(TypeError);
    }
    expect(() => inspectUnauthenticated(shared)).toThrow(TypeError);
  });

  it('takes bytes, not text', async () => {
    const client = encryptionClient();
    const keyring = memoryKeyring();
    // @ts-expect-error a caller without types
    expect(await rejection(client.decrypt('AgV4', { keyring }))).toBeInstanceOf(TypeError);
    // @ts-expect-error a caller without types
    expect(await rejection(client.encrypt('text', { keyring }))).toBeInstanceOf(TypeError);
  });

  it('says so when a message looks like base64', async () => {
    const base64 = new TextEncoder().encode('AgV4WRJZ');
    const error = await rejection(encryptionClient().decrypt(base64, { keyring: memoryKeyring() }));
    expect(error).toMatchObject({ code: 'MESSAGE_MALFORMED' });
    expect(String(error)).toContain('base64');
  });

  it('neither changes nor keeps what the caller gave', async () => {
    const encryptionContext = Object.freeze({ a: '1' });
    const keyring = memoryKeyring();
    const given = plaintext.slice();
    const { message } = await encryptionClient().encrypt(given, { keyring, encryptionContext });
    const before = message.slice();
    await encryptionClient().decrypt(message, { keyring });
    expect(given).toEqual(plaintext);
    expect(message).toEqual(before);
  });

  it('takes bytes of another realm', async () => {
    const keyring = memoryKeyring();
    const foreign: unknown = runInNewContext('Uint8Array.of(1, 2, 3)');
    if (!isBytes(foreign)) throw new Error('bytes of another realm are not recognised');
    const { message } = await encryptionClient().encrypt(foreign, { keyring });
    expect((await encryptionClient().decrypt(message, { keyring })).plaintext).toEqual(plaintext);
  });

  it('does not start when its signal has aborted', async () => {
    const keyring = memoryKeyring();
    const { message } = await encryptionClient().encrypt(plaintext, { keyring });
    const signal = AbortSignal.abort(new Error('too late'));
    for (const refused of [
      encryptionClient().encrypt(plaintext, { keyring, signal }),
      encryptionClient().decrypt(message, { keyring, signal }),
    ]) {
      expect(await rejection(refused)).toMatchObject({ message: 'too late' });
    }
    expect(keyring.calls).toEqual({ encrypt: 1, decrypt: 0 });
  });

  it('writes as many encrypted data keys as the format can count', async () => {
    const client = encryptionClient({ maxEncryptedDataKeys: Infinity });
    const { message } = await client.encrypt(plaintext, { keyring: memoryKeyring(65_535), suite: 0x0478 });
    expect(inspectUnauthenticated(message).encryptedDataKeys).toHaveLength(65_535);
    const oneMore = client.encrypt(plaintext, { keyring: memoryKeyring(65_536) });
    expect(await rejection(oneMore)).toMatchObject({ code: 'TOO_MANY_ENCRYPTED_DATA_KEYS' });
  });

  it('says that a context is too long only because of the public key', async () => {
    const keyring = memoryKeyring();
    const encryptionContext = { a: 'x'.repeat(65_500) };
    expect(
      await rejection(encryptionClient().encrypt(plaintext, { keyring, encryptionContext })),
    ).toMatchObject({
      code: 'ENCRYPTION_CONTEXT_INVALID',
    });
    const unsigned = { keyring, encryptionContext, suite: 0x0478 } as const;
    expect((await encryptionClient().encrypt(plaintext, unsigned)).message.length).toBeGreaterThan(65_500);
  });

  it('wipes the data keys it was given', async () => {
    const seen: Uint8Array[] = [];
    const inner = memoryKeyring();
    const spying = <M extends { readonly dataKey?: Uint8Array }>(materials: M): M => {
      if (materials.dataKey !== undefined) seen.push(materials.dataKey);
      return materials;
    };
    const keyring: Keyring = {
      onEncrypt: async (materials) => spying(await inner.onEncrypt(materials)),
      onDecrypt: async (materials, keys) => spying(await inner.onDecrypt(materials, keys)),
    };
    const { message } = await encryptionClient().encrypt(plaintext, { keyring });
    await encryptionClient().decrypt(message, { keyring });
    expect(seen).toEqual([new Uint8Array(32), new Uint8Array(32)]);
  });
});

describe('materials that break their contract', () => {
  const encryptedDataKey = { providerId: 'p', providerInfo: Uint8Array.of(1), ciphertext: Uint8Array.of(2) };
  const wrongFields = [
    { ciphertext: 'AQIDBA==' },
    { ciphertext: new Uint16Array(2).fill(0x1234) },
    { ciphertext: new ArrayBuffer(2) },
    { ciphertext: { type: 'Buffer', data: [1, 2] } },
    { providerInfo: 'key-1' },
    { providerId: 7 },
  ];
  const tampered = (change: object): CryptographicMaterialsManager => {
    const cmm = defaultCmm(memoryKeyring());
    return {
      ...cmm,
      encryptionMaterials: async (request) => Object.assign(await cmm.encryptionMaterials(request), change),
    };
  };

  it.each<[string, object]>([
    ['no data key', { dataKey: undefined }],
    ['a data key of zeros', { dataKey: new Uint8Array(32) }],
    ['a short data key', { dataKey: new Uint8Array(16) }],
    ['no encrypted data key', { encryptedDataKeys: [] }],
    ['no signing key', { signingKey: undefined }],
    ['no public key in the context', { encryptionContext: {} }],
    ['a required key that is nowhere', { requiredEncryptionContextKeys: ['x'] }],
    ['a suite that is none', { suite: { ...knownSuite(0x0578), id: 0x0070 } }],
    ['a copy of a suite', { suite: { ...knownSuite(0x0578) } }],
    ['a data key that is a text', { dataKey: 'k'.repeat(32) }],
    ['a data key of 16-bit numbers', { dataKey: new Uint16Array(32).fill(1) }],
    ['encrypted data keys that are absent', { encryptedDataKeys: undefined }],
    ['encrypted data keys that are no array', { encryptedDataKeys: new Set([encryptedDataKey]) }],
    ['an encrypted data key that is none', { encryptedDataKeys: [encryptedDataKey, undefined] }],
    ...wrongFields.map((field): [string, object] => [
      `an encrypted data key with ${JSON.stringify(field)}`,
      { encryptedDataKeys: [{ ...encryptedDataKey, ...field }] },
    ]),
  ])('are refused: %s', async (_, change) => {
    const encrypting = encryptionClient().encrypt(plaintext, { cmm: tampered(change) });
    expect(await rejection(encrypting)).toMatchObject({ code: 'MATERIALS_INVALID' });
  });

  it.each<[string, unknown]>([
    ['a text', 'k'.repeat(32)],
    ['16-bit numbers', new Uint16Array(32).fill(1)],
  ])('are refused on decrypt: a data key that is %s', async (_, dataKey) => {
    const keyring = memoryKeyring();
    const { message } = await encryptionClient().encrypt(plaintext, { keyring });
    const cmm = defaultCmm(keyring);
    const wrong: CryptographicMaterialsManager = {
      ...cmm,
      decryptionMaterials: async (request) =>
        Object.assign(await cmm.decryptionMaterials(request), { dataKey }),
    };
    const decrypting = encryptionClient().decrypt(message, { cmm: wrong });
    expect(await rejection(decrypting)).toMatchObject({ code: 'MATERIALS_INVALID' });
  });

  it('are refused for another suite than the caller asked for', async () => {
    const cmm = defaultCmm(memoryKeyring());
    const stubborn: CryptographicMaterialsManager = {
      ...cmm,
      encryptionMaterials: ({ suite: _, ...request }) => cmm.encryptionMaterials(request),
    };
    const encrypting = encryptionClient().encrypt(plaintext, { cmm: stubborn, suite: 0x0478 });
    expect(await rejection(encrypting)).toMatchObject({ code: 'MATERIALS_INVALID' });
  });
});

describe('a keyring that fails', () => {
  const failing: Keyring = {
    onEncrypt: () => Promise.reject(new Error('no such key')),
    onDecrypt: () => Promise.reject(new Error('no such key')),
  };

  it('is the cause of an error of its own on encrypt', async () => {
    expect(await rejection(encryptionClient().encrypt(plaintext, { keyring: failing }))).toMatchObject({
      code: 'KEYRING_FAILED',
      cause: { message: 'no such key' },
    });
  });

  it('that binds no context fails for any pair that an unsigned message was not made with', async () => {
    const keyring = unboundKeyring();
    const client = encryptionClient();
    const { message } = await client.encrypt(plaintext, { keyring, suite: 0x0478 });
    for (const key of ['a', 'aws-crypto-public-key']) {
      const opening = client.decrypt(message, { keyring, encryptionContext: { [key]: 'z' } });
      expect(await rejection(opening)).toMatchObject({ code: 'DECRYPTION_FAILED' });
    }
  });

  it('looks to an outsider like a changed message on decrypt', async () => {
    const keyring = memoryKeyring();
    const { message } = await encryptionClient().encrypt(plaintext, { keyring });
    const changed = message.map((byte, i) => (i === message.length - 1 ? byte ^ 1 : byte));
    const [first, second] = [
      await rejection(encryptionClient().decrypt(message, { keyring: failing })),
      await rejection(encryptionClient().decrypt(changed, { keyring })),
    ];
    expect(first).toMatchObject({ code: 'DECRYPTION_FAILED', cause: { message: 'no such key' } });
    expect(String(second)).toBe(String(first));
    expect(second).toMatchObject({ code: 'DECRYPTION_FAILED' });
  });
});
