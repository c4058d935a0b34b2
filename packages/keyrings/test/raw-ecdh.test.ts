import { createDecipheriv, createHmac, diffieHellman, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { contextBytes, type EncryptedDataKey, type Keyring } from '@holdfast/sdk/spi';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { rawEcdhKeyring } from '../src/raw-ecdh.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, only } from './fixtures/materials.ts';

const curves = ['P-256', 'P-384', 'P-521'] as const;
type Curve = (typeof curves)[number];
type Pair = Awaited<ReturnType<typeof pairOn>>;

const newKeyPair = promisify(generateKeyPair);
const pairOn = (namedCurve: string) => newKeyPair('ec', { namedCurve });
const parties = async (curve: Curve) => ({
  alice: await pairOn(curve),
  bob: await pairOn(curve),
  eve: await pairOn(curve),
});
const people = {
  'P-256': await parties('P-256'),
  'P-384': await parties('P-384'),
  'P-521': await parties('P-521'),
} as const satisfies Record<Curve, unknown>;

const between = (own: Pair, peer: Pair): Keyring =>
  rawEcdhKeyring({ schema: 'static', privateKey: own.privateKey, peerPublicKey: peer.publicKey });
const writingTo = (peer: Pair): Keyring =>
  rawEcdhKeyring({ schema: 'ephemeral', peerPublicKey: peer.publicKey });
const readingAs = (own: Pair): Keyring => rawEcdhKeyring({ schema: 'discovery', privateKey: own.privateKey });
const writingAndReading = (pair: Pair): Keyring => ({
  onEncrypt: (materials) => writingTo(pair).onEncrypt(materials),
  onDecrypt: (materials, encryptedDataKeys) => readingAs(pair).onDecrypt(materials, encryptedDataKeys),
});

describeKeyringContract('a raw ECDH keyring between two parties', {
  generating: () => between(people['P-256'].alice, people['P-256'].bob),
  stranger: () => between(people['P-256'].alice, people['P-256'].eve),
});
describeKeyringContract('a pair of raw ECDH keyrings, to and of one party,', {
  generating: () => writingAndReading(people['P-384'].bob),
  stranger: () => writingAndReading(people['P-384'].eve),
});

for (const curve of curves) {
  const { alice, bob, eve } = people[curve];
  describe(`on ${curve}`, () => {
    it('a message between two parties is opened by either of them, and by nobody else', async () => {
      const { dataKey, encryptedDataKeys } = await between(alice, bob).onEncrypt(encryptionMaterials());
      for (const reader of [between(alice, bob), between(bob, alice), readingAs(bob)]) {
        const opened = await reader.onDecrypt(decryptionMaterials(), encryptedDataKeys);
        expect(opened.dataKey).toEqual(dataKey);
      }
      // Alice is not the recipient, and Eve is nobody.
      for (const other of [readingAs(alice), readingAs(eve), between(eve, bob), between(eve, alice)]) {
        expect(await refusal(other, encryptedDataKeys)).toBe('DATA_KEY_NOT_OPENED');
      }
    });

    it('a message of nobody in particular is opened by its recipient alone', async () => {
      const { dataKey, encryptedDataKeys } = await writingTo(bob).onEncrypt(encryptionMaterials());
      const opened = await readingAs(bob).onDecrypt(decryptionMaterials(), encryptedDataKeys);
      expect(opened.dataKey).toEqual(dataKey);
      for (const other of [readingAs(alice), between(bob, alice), between(alice, bob)]) {
        expect(await refusal(other, encryptedDataKeys)).toBe('DATA_KEY_NOT_OPENED');
      }
    });

    it('the layout is that of the specification, and the derivation that of its implementations', async () => {
      const materials = encryptionMaterials();
      const { dataKey, encryptedDataKeys } = await between(alice, bob).onEncrypt(materials);
      const { providerId, providerInfo, ciphertext } = only(encryptedDataKeys);
      const [sender, recipient] = [compressed(alice.publicKey), compressed(bob.publicKey)];
      const length = Buffer.of(0, 0, 0, sender.length);
      expect(providerId).toBe('raw-ecdh');
      expect(Buffer.from(providerInfo)).toEqual(
        Buffer.concat([Buffer.of(1), length, recipient, length, sender]),
      );

      const info = Buffer.concat([
        Buffer.from(`ecdh-key-derivation\0${curve.toLowerCase().replace('-', '')}\0HMAC_SHA384\0`),
        Buffer.concat([sender, recipient]),
        Buffer.of(0, 1, 0),
        contextBytes(materials.encryptionContext),
      ]);
      const secret = diffieHellman({ privateKey: bob.privateKey, publicKey: alice.publicKey });
      const block = (counter: number) =>
        createHmac('sha384', secret)
          .update(Buffer.of(0, 0, 0, counter))
          .update(info)
          .update(Buffer.of(0))
          .update(ciphertext.subarray(0, 32))
          .update(Buffer.of(0, 0, 2, 0))
          .digest();
      const derived = Buffer.concat([block(1), block(2)]);
      expect(Buffer.from(ciphertext.subarray(32, 64))).toEqual(derived.subarray(0, 32));
      const decipher = createDecipheriv('aes-256-gcm', derived.subarray(32, 64), Buffer.alloc(12));
      decipher.setAAD(info).setAuthTag(ciphertext.subarray(-16));
      const plaintext = Buffer.concat([decipher.update(ciphertext.subarray(64, -16)), decipher.final()]);
      expect(Uint8Array.from(plaintext)).toEqual(dataKey);
    });

    it('a sender that is no point of the curve is refused', async () => {
      const { encryptedDataKeys } = await writingTo(bob).onEncrypt(encryptionMaterials());
      const key = only(encryptedDataKeys);
      const length = compressed(bob.publicKey).length;
      const x = Buffer.alloc(length - 1);
      const senders = {
        infinity: Buffer.alloc(length),
        'x = 0 with a wrong prefix': Buffer.of(4, ...x),
        'a hybrid form': Buffer.of(6, ...compressed(eve.publicKey).subarray(1)),
        'an x beyond the field': Buffer.of(2, ...x.map(() => 0xff)),
        'an x off the curve': Buffer.of(2, ...x.subarray(1), OFF_CURVE[curve]),
      };
      for (const sender of Object.values(senders)) {
        const providerInfo = Uint8Array.of(...key.providerInfo.subarray(0, -length), ...sender);
        expect(await refusal(readingAs(bob), [{ ...key, providerInfo }])).toBe('DATA_KEY_NOT_OPENED');
      }
    });
  });
}

describe('a raw ECDH keyring', () => {
  const { alice, bob } = people['P-256'];

  it('opens no encrypted data key of which one byte is another', async () => {
    const { encryptedDataKeys } = await between(alice, bob).onEncrypt(encryptionMaterials());
    const key = only(encryptedDataKeys);
    for (const field of ['providerInfo', 'ciphertext'] as const) {
      for (const index of key[field].keys()) {
        const changed = { ...key, [field]: key[field].map((byte, i) => (i === index ? byte ^ 1 : byte)) };
        for (const reader of [between(bob, alice), readingAs(bob)]) {
          expect(await refusal(reader, [changed])).toBe('DATA_KEY_NOT_OPENED');
        }
      }
    }
  });

  it('opens what an AWS KMS ECDH keyring wrapped, and what no other kind did', async () => {
    const { dataKey, encryptedDataKeys } = await writingTo(bob).onEncrypt(encryptionMaterials());
    const under = (providerId: string) => encryptedDataKeys.map((key) => ({ ...key, providerId }));
    const opened = await readingAs(bob).onDecrypt(decryptionMaterials(), under('aws-kms-ecdh'));
    expect(opened.dataKey).toEqual(dataKey);
    for (const providerId of ['raw-ecdh-2', 'raw', 'aws-kms', '']) {
      expect(await refusal(readingAs(bob), under(providerId))).toBe('DATA_KEY_NOT_OPENED');
    }
  });

  it('fails on nothing but a KeyringError, whatever bytes an encrypted data key has', async () => {
    const { encryptedDataKeys } = await writingTo(bob).onEncrypt(encryptionMaterials());
    const { providerInfo } = only(encryptedDataKeys);
    const toBob = [...providerInfo.subarray(0, -33)];
    const infos = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.constant(providerInfo),
      fc.uint8Array({ minLength: 33, maxLength: 33 }).map((sender) => Uint8Array.of(...toBob, ...sender)),
    );
    await fc.assert(
      fc.asyncProperty(infos, fc.uint8Array({ maxLength: 150 }), async (info, ciphertext) => {
        const key = { providerId: 'raw-ecdh', providerInfo: info, ciphertext };
        expect(await refusal(readingAs(bob), [key])).toBe('DATA_KEY_NOT_OPENED');
      }),
      { numRuns: 300 },
    );
  });

  it('writes from another key pair every time when it has none of its own', async () => {
    const keyring = writingTo(bob);
    const infos = await Promise.all(
      Array.from({ length: 50 }, async () => {
        const { encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
        return Buffer.from(only(encryptedDataKeys).providerInfo).toString('hex');
      }),
    );
    expect(new Set(infos).size).toBe(50);
  });

  it('does not do what its schema does not do', async () => {
    await expect(readingAs(bob).onEncrypt(encryptionMaterials())).rejects.toBeInstanceOf(TypeError);
    await expect(writingTo(bob).onDecrypt(decryptionMaterials(), [])).rejects.toBeInstanceOf(TypeError);
  });

  it('takes keys as PEM, DER and KeyObject, and leaves the bytes alone', async () => {
    const der = {
      privateKey: Uint8Array.from(alice.privateKey.export({ format: 'der', type: 'pkcs8' })),
      peerPublicKey: Uint8Array.from(bob.publicKey.export({ format: 'der', type: 'spki' })),
    };
    const before = structuredClone(der);
    const pem = {
      privateKey: alice.privateKey.export({ format: 'pem', type: 'sec1' }).toString(),
      peerPublicKey: bob.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    };
    const keyrings = [der, pem].map((keys) => rawEcdhKeyring({ schema: 'static', ...keys }));
    expect(der).toEqual(before);
    for (const bytes of Object.values(der)) bytes.fill(0);
    for (const keyring of keyrings) {
      const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
      const opened = await between(bob, alice).onDecrypt(decryptionMaterials(), encryptedDataKeys);
      expect(opened.dataKey).toEqual(dataKey);
    }
  });

  it('cannot be made with keys that do not go together, or are none', async () => {
    const { privateKey } = alice;
    const onOtherCurves = [
      await pairOn('secp256k1'),
      await newKeyPair('x25519'),
      await newKeyPair('rsa', { modulusLength: 2048 }),
    ];
    const peers: (KeyObject | string | Uint8Array)[] = [
      ...onOtherCurves.map(({ publicKey }) => publicKey),
      people['P-384'].bob.publicKey,
      alice.publicKey,
      bob.privateKey,
      bob.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
      Uint8Array.from(bob.privateKey.export({ format: 'der', type: 'pkcs8' })),
      '',
      new Uint8Array(91),
    ];
    for (const peerPublicKey of peers) {
      expect(() => rawEcdhKeyring({ schema: 'static', privateKey, peerPublicKey })).toThrow(TypeError);
    }
    const owns = [
      ...onOtherCurves.map(({ privateKey }) => privateKey),
      alice.publicKey,
      '',
      new Uint8Array(0),
    ];
    for (const own of owns) {
      expect(() => rawEcdhKeyring({ schema: 'discovery', privateKey: own })).toThrow(TypeError);
    }
  });

  it('cannot be made with a key that its schema has no use for', () => {
    const keys = { privateKey: alice.privateKey, peerPublicKey: bob.publicKey };
    // @ts-expect-error it would open what strangers wrote
    expect(() => rawEcdhKeyring({ ...keys, schema: 'discovery' })).toThrow(TypeError);
    // @ts-expect-error it would not write as the owner of the key
    expect(() => rawEcdhKeyring({ ...keys, schema: 'ephemeral' })).toThrow(TypeError);
  });

  it('cannot be made with a public key that is no point of its curve', () => {
    const { publicKey } = bob;
    const spki = Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }));
    const offCurve = spki.map((byte, i) => (i === spki.length - 1 ? byte ^ 1 : byte));
    const infinity = Uint8Array.of(0x30, 0x19, ...spki.subarray(2, 23), 0x03, 2, 0, 0);
    for (const peerPublicKey of [offCurve, infinity]) {
      expect(() => rawEcdhKeyring({ schema: 'ephemeral', peerPublicKey })).toThrow(TypeError);
    }
  });
});

describeExamples('packages/keyrings/docs/raw-ecdh.md');

async function refusal(keyring: Keyring, keys: readonly EncryptedDataKey[]): Promise<string> {
  return (await keyringError(keyring.onDecrypt(decryptionMaterials(), keys))).code;
}

/** The compressed point, from the uncompressed one at the end of the SubjectPublicKeyInfo. */
function compressed(publicKey: KeyObject): Buffer {
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  const length = { prime256v1: 32, secp384r1: 48, secp521r1: 66 }[
    publicKey.asymmetricKeyDetails?.namedCurve ?? ''
  ];
  const point = spki.subarray(-2 * (length ?? 0));
  return Buffer.of(2 + ((point.at(-1) ?? 0) & 1), ...point.subarray(0, length));
}

/** A small x for which the curve has no y. */
const OFF_CURVE = { 'P-256': 1, 'P-384': 1, 'P-521': 3 } as const satisfies Record<Curve, number>;
