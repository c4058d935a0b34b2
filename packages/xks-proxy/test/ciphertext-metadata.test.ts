import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCiphertextMetadata, encodeCiphertextMetadata } from '../src/ciphertext-metadata.ts';

const bytes = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'));

describe('ciphertext metadata', () => {
  it('is the CBOR array of layout and key version', () => {
    expect(Buffer.from(encodeCiphertextMetadata({ keyVersion: 1 })).toString('hex')).toBe('820101');
    expect(Buffer.from(encodeCiphertextMetadata({ keyVersion: 65_535 })).toString('hex')).toBe('820119ffff');
  });

  it('decodes to what was encoded, in at most 20 bytes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_535 }), (keyVersion) => {
        const encoded = encodeCiphertextMetadata({ keyVersion });
        expect(encoded.length).toBeLessThanOrEqual(20);
        expect(decodeCiphertextMetadata(encoded)).toEqual({ keyVersion });
      }),
    );
  });

  it('has one encoding: bytes that decode encode to themselves', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 }), (end) => {
        const encoded = Uint8Array.of(0x82, 0x01, ...end);
        const metadata = decodeCiphertextMetadata(encoded);
        const again = metadata === undefined ? encoded : encodeCiphertextMetadata(metadata);
        expect(Buffer.compare(again, encoded)).toBe(0);
      }),
    );
  });

  it.each([
    ['an empty value', ''],
    ['a layout that is not known', '820201'],
    ['a key version of zero', '820100'],
    ['a key version below zero', '820120'],
    ['a key version above 65535', '82011a00010000'],
    ['an integer longer than it need be', '82180101'],
    ['a floating-point number', '82f93c0001'],
    ['an array of indefinite length', '9f0101ff'],
    ['a third element', '83010101'],
    ['a missing element', '8101'],
    ['a byte too many', '82010100'],
    ['a tag', 'c1820101'],
    ['a map', 'a10101'],
    ['a truncated value', '8201'],
  ])('is refused with %s', (_title, hex) => {
    expect(decodeCiphertextMetadata(bytes(hex))).toBeUndefined();
  });

  it.each([0, 65_536, 1.5, Number.NaN])('is not made for key version %s', (keyVersion) => {
    expect(() => encodeCiphertextMetadata({ keyVersion })).toThrow(RangeError);
  });
});
