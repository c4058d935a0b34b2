import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { assertBytes, assertException, assertSuccess } from '../assertions.ts';
import { type Check, checks } from '../check.ts';
import { parseSealed } from '../sealed.ts';
import { specialKey } from '../target.ts';

/** The ciphertext data integrity value (CDIV). */
export const integrityValueChecks: readonly Check[] = [
  ...checks('Appendix C', {
    'is the SHA-256 of additional data, metadata, IV, ciphertext and tag': async ({ target, encrypt }) => {
      for (const aad of [undefined, randomBytes(33), randomBytes(8192)]) {
        const body = assertSuccess(
          await encrypt(target.keys.enabled, {
            plaintext: randomBytes(160).toString('base64'),
            additionalAuthenticatedData: aad?.toString('base64'),
            ciphertextDataIntegrityValueAlgorithm: 'SHA_256',
          }),
        );
        const sealed = parseSealed(body);
        const expected = createHash('sha256')
          .update(aad ?? '')
          .update(sealed.ciphertextMetadata ?? '')
          .update(sealed.initializationVector)
          .update(sealed.ciphertext)
          .update(sealed.authenticationTag)
          .digest();
        assert.deepEqual(assertBytes(body, 'ciphertextDataIntegrityValue'), expected);
      }
    },
    'asks that the key can also decrypt': async ({ target, encrypt }) => {
      const key = specialKey(target, 'encryptOnly');
      const fields = { ciphertextDataIntegrityValueAlgorithm: 'SHA_256' };
      assertException(await encrypt(key, fields), 'InvalidKeyUsageException');
      assertSuccess(await encrypt(key));
    },
  }),
  ...checks('Encrypt', {
    'knows no other hash for the integrity value than SHA_256': async ({ target, encrypt }) => {
      for (const algorithm of ['SHA_512', 'sha_256', '', 7]) {
        const answer = await encrypt(target.keys.enabled, {
          ciphertextDataIntegrityValueAlgorithm: algorithm,
        });
        assertException(answer, 'ValidationException', 'UnsupportedOperationException');
      }
    },
  }),
];
