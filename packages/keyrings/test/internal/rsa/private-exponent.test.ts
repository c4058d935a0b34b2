import { createPrivateKey, generateKeyPair } from 'node:crypto';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { privateExponent } from '../../../src/internal/rsa/private-exponent.ts';

it.each([512, 1024, 1028, 2048])(
  'the private exponent of a key of %i bits is found, however short, and as long as the modulus',
  async (modulusLength) => {
    const { privateKey: key } = await promisify(generateKeyPair)('rsa', { modulusLength });
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
