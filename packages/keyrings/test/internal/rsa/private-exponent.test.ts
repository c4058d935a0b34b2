import { generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { privateExponent } from '../../../src/internal/rsa/private-exponent.ts';

it.each([512, 1024, 1028, 2048, 4096])(
  'the private exponent of a key of %i bits is that of its JWK, as long as the modulus',
  (modulusLength) => {
    // A private exponent that is shorter than the modulus comes up once in some hundred keys.
    for (let round = 0; round < (modulusLength === 512 ? 300 : 1); round++) {
      const { privateKey } = generateKeyPairSync('rsa', { modulusLength });
      const { d = '', n = '' } = privateKey.export({ format: 'jwk' });
      const [exponent, modulus] = [Buffer.from(d, 'base64url'), Buffer.from(n, 'base64url')];
      const padded = Buffer.concat([Buffer.alloc(modulus.length - exponent.length), exponent]);
      expect(Buffer.from(privateExponent(privateKey))).toEqual(padded);
    }
  },
);
