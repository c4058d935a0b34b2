import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { assertException, assertSuccess } from '../assertions.ts';
import { type Check, checks } from '../check.ts';
import type { Fields, XksClient } from '../client.ts';
import { keyAad, openSealed, parseSealed, type Sealed } from '../sealed.ts';
import { knownKeyValue, specialKey } from '../target.ts';

/** Encrypt. */
export const encryptChecks: readonly Check[] = [
  ...checks('Encrypt', {
    'returns a ciphertext as long as the plaintext, a tag of 16 bytes and an IV of 12 or 16': async (
      client,
    ) => {
      for (const length of [1, 16, 32, 4300]) {
        const sealed = await seal(client, randomBytes(length), randomBytes(33));
        assert.equal(sealed.ciphertext.length, length);
        assert.equal(sealed.authenticationTag.length, 16);
        assert.ok([12, 16].includes(sealed.initializationVector.length));
      }
    },
    'returns at most 20 bytes of metadata': async (client) => {
      const { ciphertextMetadata } = await seal(client, randomBytes(32), randomBytes(33));
      assert.ok((ciphertextMetadata?.length ?? 0) <= 20);
    },
    'takes 4300 bytes of plaintext with 8192 bytes of additional data': async (client) => {
      const sealed = await seal(client, randomBytes(4300), randomBytes(8192));
      assert.equal(sealed.ciphertext.length, 4300);
    },
    'gives every encryption an IV of its own': async (client) => {
      const plaintext = randomBytes(32);
      const calls = Array.from({ length: 48 }, () => seal(client, plaintext, undefined));
      const vectors = (await Promise.all(calls)).map(({ initializationVector }) =>
        initializationVector.toString('hex'),
      );
      assert.equal(new Set(vectors).size, vectors.length);
    },
    'authenticates length and bytes of additional data and metadata, as laid down': async (client) => {
      const keyValue = knownKeyValue(client.target);
      const plaintext = randomBytes(32);
      for (const aad of [undefined, randomBytes(1), randomBytes(300), randomBytes(8192)]) {
        const sealed = await seal(client, plaintext, aad);
        const additionalData = keyAad(aad ?? new Uint8Array(0), sealed.ciphertextMetadata);
        assert.deepEqual(openOrFail(keyValue, sealed, additionalData), plaintext);
      }
    },
    'rejects what is not standard base64': async ({ target, encrypt }) => {
      for (const field of ['plaintext', 'additionalAuthenticatedData']) {
        for (const text of NOT_BASE64) {
          const answer = await encrypt(target.keys.enabled, { [field]: text });
          assertException(answer, 'ValidationException');
        }
      }
    },
    'rejects a request without plaintext or algorithm, or with members of another type': async ({
      target,
      encrypt,
    }) => {
      const changes: readonly Fields[] = [
        { plaintext: undefined },
        { plaintext: 7 },
        { plaintext: ['SGVsbG8='] },
        { additionalAuthenticatedData: 7 },
        { encryptionAlgorithm: undefined },
        { encryptionAlgorithm: 7 },
      ];
      for (const fields of changes) {
        assertException(await encrypt(target.keys.enabled, fields), 'ValidationException');
      }
    },
    'knows no other algorithm than AES_GCM': async ({ target, encrypt }) => {
      for (const encryptionAlgorithm of ['AES_CBC', 'aes_gcm', '']) {
        const answer = await encrypt(target.keys.enabled, { encryptionAlgorithm });
        assertException(answer, 'ValidationException', 'UnsupportedOperationException');
      }
    },
  }),
  ...checks('Error codes', {
    'rejects Encrypt with a disabled key': async ({ target, encrypt }) => {
      assertException(await encrypt(specialKey(target, 'disabled')), 'InvalidStateException');
    },
    'rejects Encrypt with a key that only decrypts': async ({ target, encrypt }) => {
      assertException(await encrypt(specialKey(target, 'decryptOnly')), 'InvalidKeyUsageException');
    },
    'calls sizes above its own maximum unsupported': async ({ target, encrypt }) => {
      const text = Buffer.alloc(200_000, 7).toString('base64');
      for (const fields of [{ plaintext: text }, { additionalAuthenticatedData: text }]) {
        const answer = await encrypt(target.keys.enabled, fields);
        if (answer.status !== 200) assertException(answer, 'UnsupportedOperationException');
      }
    },
    'rejects a body that is no JSON object': async ({ target, post }) => {
      for (const text of ['', '{', '[]', '"text"', 'null', '{"requestMetadata":{},}', '\ufeff{}', '\u0000']) {
        const answer = await post(`/keys/${target.keys.enabled}/encrypt`, Buffer.from(text));
        assertException(answer, 'ValidationException');
      }
      const notUtf8 = Buffer.from('{"plaintext":"\xff"}', 'latin1');
      assertException(await post(`/keys/${target.keys.enabled}/encrypt`, notUtf8), 'ValidationException');
    },
    'repeats nothing of a request in an error': async ({ target, encrypt, post }) => {
      const secret = 'c2VjcmV0IHBsYWludGV4dA';
      const answers = [
        await encrypt(target.keys.enabled, { plaintext: secret }),
        await encrypt(target.keys.unknown, { plaintext: `${secret}==` }),
        await post(`/keys/${target.keys.enabled}/encrypt`, Buffer.from(`{"plaintext":"${secret}`)),
      ];
      for (const { status, text } of answers) {
        assert.notEqual(status, 200);
        assert.ok(!text.includes(secret), 'an error repeats the plaintext');
      }
    },
  }),
];

async function seal(client: XksClient, plaintext: Buffer, aad: Buffer | undefined): Promise<Sealed> {
  const fields = {
    plaintext: plaintext.toString('base64'),
    additionalAuthenticatedData: aad?.toString('base64'),
  };
  return parseSealed(assertSuccess(await client.encrypt(client.target.keys.enabled, fields)));
}

function openOrFail(keyValue: Uint8Array, sealed: Sealed, additionalData: Buffer): Buffer {
  try {
    return openSealed(keyValue, sealed, additionalData);
  } catch {
    return assert.fail('the ciphertext does not open with the additional data of the specification');
  }
}

// URL-safe alphabet, no padding, too much padding, a blank, a line break, no base64 at all. Unused bits that are set may be
// accepted (RFC 4648, 3.5).
const NOT_BASE64 = ['-_-_', 'SGVsbG8', 'SGVsbG8==', 'SGVs bG8=', 'SGVs\nbG8=', '!!!!', '=', 'A'];
