import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { assertBytes, assertException, assertSuccess } from '../assertions.ts';
import { type Check, checks } from '../check.ts';
import type { Answer, Fields, XksClient } from '../client.ts';
import { flipBit, parseSealed, type Sealed, seal, sealedFields } from '../sealed.ts';
import { knownKeyValue, specialKey } from '../target.ts';

/** Decrypt. */
export const decryptChecks: readonly Check[] = [
  ...checks('Decrypt', {
    'returns the plaintext that was encrypted': async (client) => {
      for (const length of [1, 32, 160, 4300]) {
        for (const aadLength of [0, 33, 8192]) {
          const message = await encrypted(client, length, aadLength);
          assert.deepEqual(opened(await decrypt(client, message)), message.plaintext);
        }
      }
    },
    'returns the plaintext that was encrypted with an integrity value': async (client) => {
      // AWS KMS asks every Encrypt for the value.
      const wanted = { ciphertextDataIntegrityValueAlgorithm: 'SHA_256' };
      for (const length of [1, 160, 4300]) {
        const message = await encrypted(client, length, 33, wanted);
        assert.deepEqual(opened(await decrypt(client, message)), message.plaintext);
      }
    },
    'returns to each of 48 requests at once the plaintext that was encrypted for it': async (client) => {
      const messages = await Promise.all(Array.from({ length: 48 }, () => encrypted(client, 32, 33)));
      const plaintexts = await Promise.all(
        messages.map(async (message) => opened(await decrypt(client, message))),
      );
      const wrong = plaintexts.filter((plaintext, at) => messages[at]?.plaintext.equals(plaintext) !== true);
      assert.equal(wrong.length, 0, `${wrong.length} of 48 plaintexts are not what was encrypted`);
    },
    'opens what was sealed under the same key elsewhere, with an IV of 12 and of 16 bytes': async (
      client,
    ) => {
      const keyValue = knownKeyValue(client.target);
      const { sealed } = await encrypted(client, 1, 0);
      for (const ivLength of [12, 16]) {
        const [plaintext, aad] = [randomBytes(100), randomBytes(20)];
        const { ciphertextMetadata } = sealed;
        const foreign = seal(keyValue, {
          plaintext,
          aad,
          ciphertextMetadata,
          initializationVector: randomBytes(ivLength),
        });
        assert.deepEqual(opened(await decrypt(client, { sealed: foreign, aad })), plaintext);
      }
    },
    'detects a change of ciphertext, tag, IV or additional data': async (client) => {
      const { sealed, aad } = await encrypted(client, 32, 33);
      const { ciphertext, authenticationTag, initializationVector } = sealed;
      const changed: readonly Message[] = [
        ...[0, 31].map((at) => ({ aad, sealed: { ...sealed, ciphertext: flipBit(ciphertext, at) } })),
        ...[0, 15].map((at) => ({
          aad,
          sealed: { ...sealed, authenticationTag: flipBit(authenticationTag, at) },
        })),
        { aad, sealed: { ...sealed, initializationVector: flipBit(initializationVector) } },
        { aad, sealed: { ...sealed, ciphertext: ciphertext.subarray(1) } },
        { aad: flipBit(aad, 32), sealed },
        { aad: aad.subarray(1), sealed },
        { aad: Buffer.alloc(0), sealed },
      ];
      for (const message of changed) {
        assertException(await decrypt(client, message), 'InvalidCiphertextException');
      }
    },
    'detects a change of any bit of the metadata, and its loss': async (client) => {
      const { sealed, aad } = await encrypted(client, 32, 33);
      const metadata = sealed.ciphertextMetadata ?? Buffer.alloc(0);
      if (metadata.length === 0) return;
      const changed = [
        ...Array.from(metadata, (_, at) => flipBit(metadata, at)),
        metadata.subarray(1),
        Buffer.concat([metadata, Buffer.of(0)]),
        undefined,
      ];
      for (const ciphertextMetadata of changed) {
        const answer = await decrypt(client, { sealed: { ...sealed, ciphertextMetadata }, aad });
        assertException(answer, 'InvalidCiphertextException');
      }
    },
    'does not take metadata for additional data': async (client) => {
      for (const aadLength of [0, 7]) {
        const { sealed, aad } = await encrypted(client, 32, aadLength);
        const metadata = sealed.ciphertextMetadata ?? Buffer.alloc(0);
        if (metadata.length === 0) continue;
        const moved = {
          sealed: { ...sealed, ciphertextMetadata: undefined },
          aad: Buffer.concat([aad, metadata]),
        };
        assertException(await decrypt(client, moved), 'InvalidCiphertextException');
      }
    },
    'rejects tags, IVs and metadata of lengths that cannot be': async (client) => {
      const { sealed, aad } = await encrypted(client, 32, 0);
      const changes: readonly Partial<Sealed>[] = [
        ...[0, 12, 15, 17].map((length) => ({ authenticationTag: randomBytes(length) })),
        ...[0, 8, 13, 32].map((length) => ({ initializationVector: randomBytes(length) })),
        { ciphertextMetadata: randomBytes(21) },
        { ciphertext: Buffer.alloc(0) },
      ];
      for (const change of changes) {
        const answer = await decrypt(client, { sealed: { ...sealed, ...change }, aad });
        assertException(answer, 'InvalidCiphertextException', 'ValidationException');
      }
    },
    'rejects a request without one of its fields, or with one that is no base64': async (client) => {
      const { sealed } = await encrypted(client, 32, 0);
      for (const field of ['ciphertext', 'initializationVector', 'authenticationTag']) {
        for (const value of [undefined, 7, '-_-_', 'SGVsbG8']) {
          const fields = { ...sealedFields(sealed), [field]: value };
          const answer = await client.decrypt(client.target.keys.enabled, fields);
          assertException(answer, 'ValidationException', 'InvalidCiphertextException');
        }
      }
    },
    'knows no other algorithm than AES_GCM, and needs to be told': async (client) => {
      const { sealed } = await encrypted(client, 32, 0);
      for (const encryptionAlgorithm of [undefined, 'AES_CBC', 7]) {
        const answer = await client.decrypt(client.target.keys.enabled, {
          ...sealedFields(sealed),
          encryptionAlgorithm,
        });
        assertException(answer, 'ValidationException', 'UnsupportedOperationException');
      }
    },
  }),
  ...checks('Error codes', {
    'rejects Decrypt with a disabled key': async (client) => {
      const key = specialKey(client.target, 'disabled');
      const { sealed } = await encrypted(client, 32, 0);
      const answer = await client.decrypt(key, sealedFields(sealed));
      assertException(answer, 'InvalidStateException');
    },
    'rejects Decrypt with a key that only encrypts': async (client) => {
      const key = specialKey(client.target, 'encryptOnly');
      const { sealed } = await encrypted(client, 32, 0);
      const answer = await client.decrypt(key, sealedFields(sealed));
      assertException(answer, 'InvalidKeyUsageException');
    },
    'answers every ciphertext that does not open alike': async (client) => {
      const { sealed, aad } = await encrypted(client, 32, 33);
      const answers = [
        await decrypt(client, { sealed: { ...sealed, ciphertext: flipBit(sealed.ciphertext) }, aad }),
        await decrypt(client, { sealed, aad: flipBit(aad) }),
        await decrypt(client, { sealed: { ...sealed, authenticationTag: randomBytes(16) }, aad }),
      ];
      // The rest of an error is free text.
      for (const answer of answers) assertException(answer, 'InvalidCiphertextException');
    },
  }),
];

interface Message {
  readonly sealed: Sealed;
  readonly aad: Buffer;
}

async function encrypted(
  client: XksClient,
  length: number,
  aadLength: number,
  fields: Fields = {},
): Promise<Message & { readonly plaintext: Buffer }> {
  const [plaintext, aad] = [randomBytes(length), randomBytes(aadLength)];
  const answer = await client.encrypt(client.target.keys.enabled, {
    plaintext: plaintext.toString('base64'),
    ...aadField(aad),
    ...fields,
  });
  return { plaintext, aad, sealed: parseSealed(assertSuccess(answer)) };
}

function decrypt(client: XksClient, { sealed, aad }: Message): Promise<Answer> {
  return client.decrypt(client.target.keys.enabled, { ...sealedFields(sealed), ...aadField(aad) });
}

function opened(answer: Answer): Buffer {
  return assertBytes(assertSuccess(answer), 'plaintext');
}

function aadField(aad: Buffer): Fields {
  return aad.length === 0 ? {} : { additionalAuthenticatedData: aad.toString('base64') };
}
