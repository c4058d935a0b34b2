import { execFile } from 'node:child_process';
import { constants, generateKeyPair, privateDecrypt, publicEncrypt } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { encryptionClient } from '@holdfast/sdk';
import type { EncryptedDataKey, Keyring } from '@holdfast/sdk/spi';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { RUNS_TYPESCRIPT } from '../../../tools/vitest/runs-typescript.ts';
import { type RawRsaKeyringOptions, type RsaPadding, rawRsaKeyring } from '../src/raw-rsa.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, rootCauses } from './fixtures/materials.ts';

const newKeyPair = promisify(generateKeyPair);
const pairOf = (modulusLength: number) => newKeyPair('rsa', { modulusLength });
const [pair, strangersPair] = await Promise.all([pairOf(2048), pairOf(2048)]);
const names = { namespace: 'my-app', name: 'Schlüssel 1' };
const oaepHashes = {
  'OAEP-SHA-1': 'sha1',
  'OAEP-SHA-256': 'sha256',
  'OAEP-SHA-384': 'sha384',
  'OAEP-SHA-512': 'sha512',
} as const;
const oaep = ['OAEP-SHA-1', 'OAEP-SHA-256', 'OAEP-SHA-384', 'OAEP-SHA-512'] as const;

const keyringOf = (options: Partial<RawRsaKeyringOptions> = {}): Keyring =>
  rawRsaKeyring({ ...names, ...pair, unsafeLegacyEncryption: true, ...options });
const similar = (padding: RsaPadding) => [
  keyringOf({ padding, name: `${names.name}2` }),
  keyringOf({ padding, name: names.name.slice(0, -1) }),
  keyringOf({ padding, namespace: `${names.namespace}2` }),
];

for (const padding of ['OAEP-SHA-1', 'OAEP-SHA-256', 'OAEP-SHA-512'] as const) {
  describeKeyringContract(`a raw RSA keyring with ${padding}`, {
    generating: () => keyringOf({ padding }),
    stranger: () => keyringOf({ padding, ...strangersPair }),
    similar: () => similar(padding),
    bindsContext: false,
  });
}

const legacy = { padding: 'PKCS1-v1_5' } as const;
const [legacyKeyring, legacyStranger] = [keyringOf(legacy), keyringOf({ ...legacy, ...strangersPair })];
describeKeyringContract('a raw RSA keyring with PKCS1-v1_5', {
  generating: () => telling(legacyKeyring, legacyStranger),
  stranger: () => telling(legacyStranger, legacyKeyring),
  similar: () => similar('PKCS1-v1_5'),
  bindsContext: false,
});

/**
 * With implicit rejection, one broken data key in some 250 opens, as random bytes of the right length. This one writes
 * only data keys that open as nothing when they are broken, or by another's key.
 */
function telling(keyring: Keyring, other: Keyring): Keyring {
  return {
    ...keyring,
    async onEncrypt(materials) {
      for (;;) {
        const wrapped = await keyring.onEncrypt(materials);
        const key = last(wrapped.encryptedDataKeys);
        const ciphertext = key.ciphertext.map((byte, i, { length }) => (i === length - 1 ? byte ^ 1 : byte));
        const isTold = await Promise.all([
          ...ALL_LENGTHS.map((suite) => isRefused(keyring, { ...key, ciphertext }, suite)),
          ...ALL_LENGTHS.map((suite) => isRefused(other, key, suite)),
        ]);
        if (!isTold.includes(false)) return wrapped;
      }
    },
  };
}

describe('a raw RSA keyring', () => {
  it.each(oaep)('writes the layout of the specification, with %s', async (padding) => {
    const { dataKey, encryptedDataKeys } = await keyringOf({ padding }).onEncrypt(encryptionMaterials());
    const { providerId, providerInfo, ciphertext } = last(encryptedDataKeys);
    expect(providerId).toBe(names.namespace);
    expect(Buffer.from(providerInfo).toString()).toBe(names.name);
    const options = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: oaepHashes[padding] };
    const plaintext = privateDecrypt({ key: pair.privateKey, ...options }, ciphertext);
    expect(Uint8Array.from(plaintext)).toEqual(dataKey);
  });

  it('opens with no other padding than it was written with', async () => {
    for (const written of oaep) {
      const { encryptedDataKeys } = await keyringOf({ padding: written }).onEncrypt(encryptionMaterials());
      for (const padding of oaep.filter((padding) => padding !== written)) {
        expect(await isRefused(keyringOf({ padding }), last(encryptedDataKeys))).toBe(true);
      }
    }
  });

  it('encrypts with a public key alone, decrypts with a private key alone, and says which one it lacks', async () => {
    const { publicKey, privateKey } = pair;
    const writer = rawRsaKeyring({ ...names, publicKey });
    const reader = rawRsaKeyring({ ...names, privateKey });
    const { dataKey, encryptedDataKeys } = await writer.onEncrypt(encryptionMaterials());
    expect((await reader.onDecrypt(decryptionMaterials(), encryptedDataKeys)).dataKey).toEqual(dataKey);
    await expect(reader.onEncrypt(encryptionMaterials())).rejects.toBeInstanceOf(TypeError);
    for (const keys of [[], encryptedDataKeys]) {
      await expect(writer.onDecrypt(decryptionMaterials(), keys)).rejects.toBeInstanceOf(TypeError);
    }
  });

  it('fails on nothing but a KeyringError, whatever bytes an encrypted data key has', async () => {
    const providerInfo = new TextEncoder().encode(names.name);
    const lengths = fc.oneof(fc.nat(300), fc.constant(256));
    const ciphertexts = lengths.chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
    await fc.assert(
      fc.asyncProperty(ciphertexts, async (ciphertext) => {
        const key = { providerId: names.namespace, providerInfo, ciphertext };
        for (const padding of ['OAEP-SHA-256', 'PKCS1-v1_5'] as const) {
          // Which may also open, as random bytes: then the message does not.
          const opening = keyringOf({ padding }).onDecrypt(decryptionMaterials(), [key]);
          const outcome = await opening.catch((error: unknown) => error);
          expect(outcome).toMatchObject('dataKey' in Object(outcome) ? { suite: {} } : NOT_OPENED);
        }
      }),
      { numRuns: 100 },
    );
  });

  it.each(['OAEP-SHA-256', 'PKCS1-v1_5'] as const)(
    'opens no ciphertext of another length than the modulus, with %s',
    async (padding) => {
      // A ciphertext that begins with 00 is the same number without it, and with one more.
      let wrapped: EncryptedDataKey;
      do wrapped = last((await keyringOf({ padding }).onEncrypt(encryptionMaterials())).encryptedDataKeys);
      while (wrapped.ciphertext[0] !== 0);
      const { ciphertext } = wrapped;
      for (const other of [ciphertext.subarray(1), Uint8Array.of(0, ...ciphertext)]) {
        expect(await isRefused(keyringOf({ padding }), { ...wrapped, ciphertext: other })).toBe(true);
      }
    },
  );

  it('says the same of a wrong padding as of a data key of a wrong length, with PKCS1-v1_5', async () => {
    const keyring = keyringOf(legacy);
    const { ciphertext, ...key } = last((await keyring.onEncrypt(encryptionMaterials())).encryptedDataKeys);
    const errorOf = async (ciphertext: Uint8Array) => {
      const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), [{ ...key, ciphertext }]));
      const [cause] = rootCauses(error);
      return [String(error), String(cause)];
    };
    const options = { key: pair.publicKey, padding: constants.RSA_PKCS1_PADDING };
    const wrongLength = await errorOf(publicEncrypt(options, Buffer.alloc(31)));
    const seen = [];
    for (let i = 0; i < 4; i++) {
      const other = ciphertext.map((byte, at) => (at === 200 + i ? byte ^ 1 : byte));
      if (await isRefused(keyring, { ...key, ciphertext: other })) seen.push(await errorOf(other));
    }
    expect(seen.length).toBeGreaterThan(1);
    for (const wrongPadding of seen) expect(wrongPadding).toEqual(wrongLength);
  });

  it('takes keys as PEM, DER and KeyObject, and leaves the bytes alone', async () => {
    const { publicKey, privateKey } = pair;
    const der = {
      publicKey: Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' })),
      privateKey: Uint8Array.from(privateKey.export({ format: 'der', type: 'pkcs8' })),
    };
    const before = structuredClone(der);
    const pems = (['pkcs1', undefined] as const).map((type) => ({
      publicKey: publicKey.export({ format: 'pem', type: type ?? 'spki' }).toString(),
      privateKey: privateKey.export({ format: 'pem', type: type ?? 'pkcs8' }).toString(),
    }));
    const keyrings = [der, ...pems].map((keys) => keyringOf(keys));
    expect(der).toEqual(before);
    for (const bytes of Object.values(der)) bytes.fill(0);
    for (const keyring of keyrings) {
      const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
      const opened = await keyringOf().onDecrypt(decryptionMaterials(), encryptedDataKeys);
      expect(opened.dataKey).toEqual(dataKey);
    }
  });

  // On Node 20, garbage collection can wait for ever for a lock of a pair that was generated synchronously.
  it('is made of a key that was generated synchronously, while garbage is collected', async () => {
    const program = fileURLToPath(new URL('keyrings-of-new-pair.ts', import.meta.url));
    const options = { timeout: 10_000, killSignal: 'SIGKILL' } as const;
    const running = promisify(execFile)(process.execPath, ['--expose-gc', RUNS_TYPESCRIPT, program], options);
    expect(Number((await running).stdout)).toBeGreaterThanOrEqual(3);
  });

  it('cannot be made with keys that are none, or of two pairs, or with none at all', async () => {
    const { publicKey, privateKey } = pair;
    const ec = await newKeyPair('ec', { namedCurve: 'P-256' });
    const pss = await newKeyPair('rsa-pss', { modulusLength: 2048 });
    const privatePem = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
    for (const publicKey of [privateKey, privatePem, ec.publicKey, pss.publicKey, '', new Uint8Array(9)]) {
      expect(() => rawRsaKeyring({ ...names, publicKey })).toThrow(TypeError);
    }
    for (const privateKey of [publicKey, ec.privateKey, pss.privateKey, '', new Uint8Array(9)]) {
      expect(() => rawRsaKeyring({ ...names, privateKey })).toThrow(TypeError);
    }
    expect(() => rawRsaKeyring(names)).toThrow(TypeError);
    const { privateKey: another } = strangersPair;
    expect(() => rawRsaKeyring({ ...names, publicKey, privateKey: another })).toThrow(TypeError);
  });

  it('cannot be made with a short modulus, where a shorter one will do to decrypt', async () => {
    const [short, old] = await Promise.all([pairOf(1016), pairOf(1024)]);
    expect(() => rawRsaKeyring({ ...names, publicKey: old.publicKey })).toThrow(RangeError);
    expect(() => rawRsaKeyring({ ...names, privateKey: old.privateKey })).not.toThrow();
    expect(() => rawRsaKeyring({ ...names, privateKey: short.privateKey })).toThrow(RangeError);
  });

  it('cannot be made with a public exponent under which nothing is encrypted, or nothing can be opened', () => {
    const { n = '' } = pair.publicKey.export({ format: 'jwk' });
    const withExponent = (exponent: number) => rsaPublicKeyDer(Buffer.from(n, 'base64url'), exponent);
    expect(() => rawRsaKeyring({ ...names, publicKey: withExponent(3) })).not.toThrow();
    for (const exponent of [0, 1, 2, 4]) {
      expect(() => rawRsaKeyring({ ...names, publicKey: withExponent(exponent) })).toThrow(TypeError);
    }
  });

  it('cannot be made to write PKCS1-v1_5 by who does not ask for it', () => {
    const { publicKey, privateKey } = pair;
    expect(() => rawRsaKeyring({ ...names, ...legacy, publicKey })).toThrow(TypeError);
    expect(() => rawRsaKeyring({ ...names, ...legacy, publicKey, privateKey })).toThrow(TypeError);
    expect(() => rawRsaKeyring({ ...names, ...legacy, privateKey })).not.toThrow();
  });

  it('cannot be made with names that are empty or reserved', () => {
    for (const wrong of [
      { namespace: '' },
      { namespace: 'aws-kms' },
      { namespace: 'aws-kms-mine' },
      { name: '' },
    ]) {
      expect(() => keyringOf(wrong)).toThrow(TypeError);
    }
  });

  it('takes names that just fit a message, and cannot be made with longer ones', async () => {
    const longest = { namespace: 'x'.repeat(65_535), name: 'x'.repeat(65_535) };
    const keyring = keyringOf(longest);
    const { message } = await encryptionClient().encrypt(Uint8Array.of(1), { keyring });
    expect((await encryptionClient().decrypt(message, { keyring })).plaintext).toEqual(Uint8Array.of(1));
    for (const tooLong of [{ namespace: `${longest.namespace}x` }, { name: `${longest.name}x` }]) {
      expect(() => keyringOf({ ...longest, ...tooLong })).toThrow(RangeError);
    }
  });
});

describeExamples('packages/keyrings/docs/raw-rsa.md');

async function isRefused(
  keyring: Keyring,
  key: EncryptedDataKey,
  suite?: (typeof ALL_LENGTHS)[number],
): Promise<boolean> {
  const materials = decryptionMaterials(suite === undefined ? {} : { suite });
  return keyring.onDecrypt(materials, [key]).then(
    () => false,
    (error: unknown) => {
      expect(error).toMatchObject(NOT_OPENED);
      return true;
    },
  );
}

function last(keys: readonly EncryptedDataKey[]): EncryptedDataKey {
  const key = keys.at(-1);
  if (key === undefined) throw new Error('expected an encrypted data key');
  return key;
}

/** SubjectPublicKeyInfo of a modulus of 2048 bits and a small exponent. */
function rsaPublicKeyDer(modulus: Uint8Array, exponent: number): Uint8Array {
  const key = Buffer.concat([
    Buffer.of(0x30, 0x82, 1, 8, 2, 0x82, 1, 1, 0),
    modulus,
    Buffer.of(2, 1, exponent),
  ]);
  const algorithm = Buffer.from('300d06092a864886f70d0101010500', 'hex');
  const bits = Buffer.concat([Buffer.of(3, 0x82, 1, 13, 0), key]);
  return Uint8Array.from(Buffer.concat([Buffer.of(0x30, 0x82, 1, 32), algorithm, bits]));
}

const NOT_OPENED = { name: 'KeyringError', code: 'DATA_KEY_NOT_OPENED' };
/** One suite for each length of data key. */
const ALL_LENGTHS = [0x0014, 0x0146, 0x0478] as const;
