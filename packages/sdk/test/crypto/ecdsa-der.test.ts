import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEcdsaSignature, encodeEcdsaSignature } from '../../src/crypto/ecdsa-der.ts';

const halves = (length: number) => fc.uint8Array({ minLength: 2 * length, maxLength: 2 * length });
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('the DER form of a signature', () => {
  it.each([32, 48])('reads back as the same r and s of %i bytes', (length) => {
    fc.assert(
      fc.property(halves(length), fc.nat(length), (rs, zeros) => {
        const short = Uint8Array.from(rs).fill(0, 0, zeros);
        expect(decodeEcdsaSignature(encodeEcdsaSignature(short), length)).toEqual(short);
      }),
    );
  });

  it('is the only encoding that is read', () => {
    fc.assert(
      fc.property(halves(32), fc.nat(71), fc.integer({ min: 1, max: 255 }), (rs, position, change) => {
        const der = encodeEcdsaSignature(rs);
        const changed = der.map((byte, i) => (i === position % der.length ? byte ^ change : byte));
        const decoded = decodeEcdsaSignature(changed, 32);
        if (decoded !== undefined) expect(encodeEcdsaSignature(decoded)).toEqual(changed);
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['a byte behind it', '30 06 020101 020101 00'],
    ['a length one too short', '30 05 020101 020101'],
    ['a third integer', '30 09 020101 020101 020101'],
    ['a long-form length', '30 81 06 020101 020101'],
    ['an integer padded with zero', '30 07 02020001 020101'],
    ['a negative integer', '30 06 020180 020101'],
    ['an empty integer', '30 05 0200 020101'],
    ['an integer longer than the order', `30 26 0221${'01'.repeat(33)} 020101`],
    ['another tag', '31 06 020101 020101'],
    ['only one integer', '30 03 020101'],
    ['an integer that ends behind the sequence', '30 06 020101 020201'],
  ])('is refused with %s', (_, text) => {
    expect(decodeEcdsaSignature(bytes(text), 32)).toBeUndefined();
  });
});
