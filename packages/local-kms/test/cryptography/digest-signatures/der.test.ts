import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeSignature, encodeSignature } from '../../../src/cryptography/digest-signatures/der.ts';

const numbers = fc.bigInt({ min: 0n, max: 2n ** 521n });

describe('the DER of an ECDSA signature', () => {
  test('reads back as the two numbers', () => {
    fc.assert(
      fc.property(numbers, numbers, (r, s) => {
        expect(decodeSignature(encodeSignature(r, s))).toEqual([r, s]);
      }),
    );
  });

  test('has one spelling: changed bytes are other numbers or none', () => {
    fc.assert(
      fc.property(numbers, numbers, fc.nat(), fc.integer({ min: 1, max: 255 }), (r, s, position, flip) => {
        const bytes = Buffer.from(encodeSignature(r, s));
        const at = position % bytes.length;
        bytes.writeUInt8(bytes.readUInt8(at) ^ flip, at);
        const decoded = decodeSignature(bytes);
        if (decoded) expect(Buffer.from(encodeSignature(...decoded))).toEqual(bytes);
        expect(decoded).not.toEqual([r, s]);
      }),
    );
  });

  test('is nothing but bytes of its own making', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => {
        const decoded = decodeSignature(noise);
        if (decoded) expect(Buffer.from(encodeSignature(...decoded))).toEqual(Buffer.from(noise));
      }),
    );
  });
});
