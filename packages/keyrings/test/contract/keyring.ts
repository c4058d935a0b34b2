import type { EncryptedDataKey, EncryptionMaterials, Keyring } from '@holdfast/sdk/spi';
import { describe, expect, it } from 'vitest';
import type { KeyService } from '../../src/internal/errors.ts';
import {
  decryptionMaterials,
  encryptionMaterials,
  keyringError,
  type MaterialsOptions,
  rootCauses,
  suiteOfDataKeyLength,
} from '../fixtures/materials.ts';

/** How to make keyrings of one kind. Every call may make a new one. */
export interface KeyringKind {
  /** One that generates data keys, and opens what it wrapped. */
  readonly generating: () => Keyring;
  /** One that wraps data keys it is given, and opens them. Default: the generating one. */
  readonly wrapping?: () => Keyring;
  /** One of the same kind with other wrapping keys. */
  readonly stranger: () => Keyring;
  /** Some of the same kind whose key has a name that begins with the name of ours, or is the beginning of it. */
  readonly similar?: () => readonly Keyring[];
  /** The generating one, whose key service or token does not answer. For every keyring that asks one. */
  readonly outage?: { readonly keyService: KeyService; readonly keyring: () => Keyring };
  /** The generating one, whose key service opens data keys of another length than they had. */
  readonly lying?: () => Keyring;
  /** False for a way of wrapping that has no place for the encryption context, as RSA. Default true. */
  readonly bindsContext?: boolean;
  /** False for a keyring that refuses algorithm suites with a signature. Default true. */
  readonly takesSignatures?: boolean;
}

/** What every keyring does, whatever its keys are: the contract of `Keyring` in @holdfast/sdk/spi. */
export function describeKeyringContract(name: string, kind: KeyringKind): void {
  const { generating, wrapping = generating, stranger, similar, outage, lying } = kind;
  const { bindsContext = true, takesSignatures = true } = kind;

  describe(`${name}, as every keyring,`, () => {
    for (const [length, suite] of Object.entries(suiteOfDataKeyLength)) {
      it(`generates a data key of ${length} bytes, and opens it`, async () => {
        const keyring = generating();
        const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials({ suite }));
        expect(dataKey).toHaveLength(Number(length));
        const opened = await keyring.onDecrypt(decryptionMaterials({ suite }), encryptedDataKeys);
        expect(opened.dataKey).toEqual(dataKey);
      });

      it(`wraps a data key of ${length} bytes that it is given, and opens it`, async () => {
        const keyring = wrapping();
        const given = givenDataKey(Number(length));
        const materials = { ...encryptionMaterials({ suite }), dataKey: given.slice() };
        const wrapped = await keyring.onEncrypt(Object.freeze(materials));
        expect(wrapped.dataKey).toEqual(given);
        expect(materials.dataKey).toEqual(given);
        const opened = await keyring.onDecrypt(decryptionMaterials({ suite }), wrapped.encryptedDataKeys);
        expect(opened.dataKey).toEqual(given);
      });
    }

    it('takes a data key that is undefined for none, whoever made the materials', async () => {
      const keyring = generating();
      const nothing: object = { dataKey: undefined };
      const wrapped = await keyring.onEncrypt({ ...encryptionMaterials(), ...nothing });
      expect(wrapped.dataKey).toHaveLength(32);
      const toDecrypt = { ...decryptionMaterials(), ...nothing };
      const { dataKey } = await keyring.onDecrypt(toDecrypt, wrapped.encryptedDataKeys);
      expect(dataKey).toEqual(wrapped.dataKey);
    });

    it('generates another data key every time', async () => {
      const keyring = generating();
      const [first, second] = await Promise.all([generated(keyring), generated(keyring)]);
      expect(first.dataKey).not.toEqual(second.dataKey);
    });

    it('gives every call a data key in memory of its own, for whoever wipes it', async () => {
      const keyring = generating();
      const { dataKey, encryptedDataKeys } = await generated(keyring);
      const kept = dataKey?.slice();
      dataKey?.fill(0);
      for (let round = 0; round < 2; round++) {
        const opened = await keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys);
        expect(opened.dataKey).toEqual(kept);
        opened.dataKey?.fill(0);
      }
    });

    it('adds its encrypted data keys behind those that are there', async () => {
      const materials = {
        ...encryptionMaterials(),
        dataKey: givenDataKey(32),
        encryptedDataKeys: Object.freeze([...foreignKeys]),
      };
      const { encryptedDataKeys } = await wrapping().onEncrypt(Object.freeze(materials));
      expect(encryptedDataKeys.slice(0, foreignKeys.length)).toEqual(foreignKeys);
      expect(encryptedDataKeys.length).toBeGreaterThan(foreignKeys.length);
    });

    it('writes encrypted data keys that fit a message header', async () => {
      const { encryptedDataKeys } = await generated(generating());
      expect(encryptedDataKeys).not.toHaveLength(0);
      for (const { providerId, providerInfo, ciphertext } of encryptedDataKeys) {
        expect(providerId).not.toBe('');
        expect(ciphertext).not.toHaveLength(0);
        for (const field of [new TextEncoder().encode(providerId), providerInfo, ciphertext]) {
          expect(field.length).toBeLessThanOrEqual(0xffff);
        }
      }
    });

    it('hands on what is not its own business', async () => {
      const suite = takesSignatures ? 0x0578 : 0x0478;
      const toEncrypt = Object.freeze({
        ...encryptionMaterials({ suite }),
        requiredEncryptionContextKeys: Object.freeze(['tenant']),
        signingKey: { publicKey: Uint8Array.of(2), signer: () => expect.unreachable() },
      });
      const { dataKey: _, encryptedDataKeys, ...rest } = await generating().onEncrypt(toEncrypt);
      const { encryptedDataKeys: __, ...expected } = toEncrypt;
      expect(rest).toEqual(expected);

      const toDecrypt = Object.freeze({
        ...decryptionMaterials({ suite }),
        requiredEncryptionContextKeys: Object.freeze(['tenant']),
        verificationKey: { verifier: () => expect.unreachable() },
      });
      const { dataKey: ___, ...opened } = await generating().onDecrypt(toDecrypt, encryptedDataKeys);
      expect(opened).toEqual(toDecrypt);
    });

    it('opens its own encrypted data key among others, and changes none of them', async () => {
      const { dataKey, encryptedDataKeys: own } = await generated(generating());
      const strange = (await generated(stranger())).encryptedDataKeys;
      const all = Object.freeze(
        [...foreignKeys, ...strange, ...own, ...foreignKeys].map((key) => Object.freeze(key)),
      );
      const before = structuredClone(all);
      const opened = await generating().onDecrypt(decryptionMaterials(), all);
      expect(opened.dataKey).toEqual(dataKey);
      expect(all).toEqual(before);
    });

    it('goes on with the next encrypted data key when one is broken', async () => {
      const { dataKey, encryptedDataKeys: own } = await generated(generating());
      for (const breakKey of Object.values(breaks)) {
        const opened = await generating().onDecrypt(decryptionMaterials(), [...own.map(breakKey), ...own]);
        expect(opened.dataKey).toEqual(dataKey);
      }
    });

    for (const [damage, breakKey] of Object.entries(breaks)) {
      it(`opens no encrypted data key with ${damage}, and has a cause for each that it tried`, async () => {
        const { encryptedDataKeys } = await generated(generating());
        const broken = [...encryptedDataKeys, ...encryptedDataKeys].map(breakKey);
        const error = await keyringError(generating().onDecrypt(decryptionMaterials(), broken));
        expect(error.code).toBe('DATA_KEY_NOT_OPENED');
        expect(rootCauses(error)).toHaveLength(broken.length);
      });
    }

    it('opens no encrypted data key that is none of its own', async () => {
      const strange = (await generated(stranger())).encryptedDataKeys;
      for (const keys of [[], foreignKeys, strange]) {
        const error = await keyringError(generating().onDecrypt(decryptionMaterials(), keys));
        expect(error.code).toBe('DATA_KEY_NOT_OPENED');
      }
    });

    it('opens its own encrypted data key behind one of another keyring that it must not open', async () => {
      const own = await generated(generating());
      const strange = await generated(stranger());
      const keys = [...strange.encryptedDataKeys, ...own.encryptedDataKeys];
      expect((await generating().onDecrypt(decryptionMaterials(), keys)).dataKey).toEqual(own.dataKey);
    });

    it('answers 100 calls at once, each with its own data key', async () => {
      const keyring = generating();
      const wrapped = await Promise.all(Array.from({ length: 100 }, async () => generated(keyring)));
      const opened = await Promise.all(
        wrapped.map(async ({ encryptedDataKeys }) =>
          keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys),
        ),
      );
      expect(opened.map(({ dataKey }) => dataKey)).toEqual(wrapped.map(({ dataKey }) => dataKey));
      expect(new Set(wrapped.map(({ dataKey }) => Buffer.from(dataKey ?? []).toString('hex'))).size).toBe(
        100,
      );
    });

    if (similar !== undefined) {
      it('takes a name for its own only as a whole', async () => {
        const { encryptedDataKeys } = await generated(generating());
        for (const other of similar()) {
          const error = await keyringError(other.onDecrypt(decryptionMaterials(), encryptedDataKeys));
          expect(error.code).toBe('DATA_KEY_NOT_OPENED');
        }
      });
    }

    if (outage !== undefined) {
      it('says which key service is out, and never that a data key is not its own', async () => {
        const { encryptedDataKeys } = await generated(generating());
        const out = outage.keyring();
        const expected = { code: 'KEY_SERVICE_UNAVAILABLE', keyService: outage.keyService };
        const opening = out.onDecrypt(decryptionMaterials(), encryptedDataKeys);
        expect(await keyringError(opening)).toMatchObject(expected);
        expect(await keyringError(generated(out))).toMatchObject(expected);
        // What is not its own, it need not ask about.
        const error = await keyringError(out.onDecrypt(decryptionMaterials(), foreignKeys));
        expect(error.code).toBe('DATA_KEY_NOT_OPENED');
      });
    }

    if (lying !== undefined) {
      it('hands on no data key of a wrong length from a key service that lies', async () => {
        const { encryptedDataKeys } = await generated(generating());
        const error = await keyringError(lying().onDecrypt(decryptionMaterials(), encryptedDataKeys));
        expect(error.code).toBe('DATA_KEY_NOT_OPENED');
        const causes = encryptedDataKeys.map(() => ({ code: 'KEY_SERVICE_ANSWER_INVALID' }));
        expect(rootCauses(error)).toMatchObject(causes);
      });
    }

    it('opens no data key of another length than the suite has', async () => {
      const shorter = await generating().onEncrypt(encryptionMaterials({ suite: 0x0014 }));
      const error = await keyringError(
        generating().onDecrypt(decryptionMaterials(), shorter.encryptedDataKeys),
      );
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    });

    it('refuses to open anything for materials that have a data key', async () => {
      const { encryptedDataKeys } = await generated(generating());
      for (const keys of [[], encryptedDataKeys]) {
        const materials = Object.freeze({ ...decryptionMaterials(), dataKey: givenDataKey(32) });
        const error = await keyringError(generating().onDecrypt(materials, keys));
        expect(error.code).toBe('DATA_KEY_ALREADY_SET');
        expect(materials.dataKey).toEqual(givenDataKey(32));
      }
    });

    const written = { encryptionContext: { a: '1', B: '2', ä: '3' } };
    const otherContexts: Record<string, MaterialsOptions> = {
      'another value': { encryptionContext: { ...written.encryptionContext, a: '2' } },
      'another key': { encryptionContext: { A: '1', B: '2', ä: '3' } },
      'one pair less': { encryptionContext: { a: '1', B: '2' } },
      'one pair more': { encryptionContext: { ...written.encryptionContext, c: '' } },
      'no pair at all': { encryptionContext: {} },
    };
    for (const [difference, other] of bindsContext ? Object.entries(otherContexts) : []) {
      it(`opens nothing for an encryption context with ${difference}`, async () => {
        const { encryptedDataKeys } = await generated(generating(), written);
        const error = await keyringError(
          generating().onDecrypt(decryptionMaterials(other), encryptedDataKeys),
        );
        expect(error.code).toBe('DATA_KEY_NOT_OPENED');
      });
    }

    it('binds to the pairs of an encryption context, not to their order', async () => {
      const { dataKey, encryptedDataKeys } = await generated(generating(), written);
      const reordered = { encryptionContext: { ä: '3', B: '2', a: '1' } };
      const opened = await generating().onDecrypt(decryptionMaterials(reordered), encryptedDataKeys);
      expect(opened.dataKey).toEqual(dataKey);
    });

    it('works without an encryption context', async () => {
      const none = { encryptionContext: {} };
      const { dataKey, encryptedDataKeys } = await generated(generating(), none);
      const opened = await generating().onDecrypt(decryptionMaterials(none), encryptedDataKeys);
      expect(opened.dataKey).toEqual(dataKey);
    });
  });
}

function generated(keyring: Keyring, options?: MaterialsOptions): Promise<EncryptionMaterials> {
  return keyring.onEncrypt(encryptionMaterials(options));
}

function givenDataKey(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i + 1);
}

const breaks = {
  'its last bit flipped': (key: EncryptedDataKey): EncryptedDataKey => ({
    ...key,
    ciphertext: key.ciphertext.map((byte, i, { length }) => (i === length - 1 ? byte ^ 1 : byte)),
  }),
  'one byte less': (key: EncryptedDataKey): EncryptedDataKey => ({
    ...key,
    ciphertext: key.ciphertext.subarray(0, -1),
  }),
  'an empty ciphertext': (key: EncryptedDataKey): EncryptedDataKey => ({
    ...key,
    ciphertext: new Uint8Array(0),
  }),
};

const foreignKeys: readonly EncryptedDataKey[] = [
  { providerId: 'somebody else', providerInfo: Uint8Array.of(1), ciphertext: new Uint8Array(48) },
  { providerId: 'aws-kms-hierarchy', providerInfo: new Uint8Array(0), ciphertext: new Uint8Array(0) },
];
