import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { expect, it } from 'vitest';
import { privateExponent } from '../../../src/internal/rsa/private-exponent.ts';

it.each([512, 1024, 1028, 2048])(
  'the private exponent of a key of %i bits is found, however short, and as long as the modulus',
  (modulusLength) => {
    const key = generateKeyPairSync('rsa', { modulusLength }).privateKey;
    const { d = '', e = '', n = '', ...primes } = key.export({ format: 'jwk' });
    // The exponents may change places: 65537 is a short one.
    const swapped = { ...primes, n, e: d, d: e, dp: e, dq: e };
    for (const [privateKey, exponent] of [
      [key, Buffer.from(d, 'base64url')],
      [createPrivateKey({ key: swapped, format: 'jwk' }), Buffer.of(1, 0, 1)],
    ] as const) {
      const padded = Buffer.alloc(Buffer.from(n, 'base64url').length);
      exponent.copy(padded, padded.length - exponent.length);
      expect(Buffer.from(privateExponent(privateKey))).toEqual(padded);
    }
  },
);
