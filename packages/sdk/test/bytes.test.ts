import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareAsUtf8, compareBytes, fullSubarray, utf8, writeUtf8 } from '../src/bytes.ts';
import { resizable } from './fixtures/resizable.ts';

// Few letters, so that texts share beginnings: ASCII, two bytes, three bytes on either side of the surrogates, four bytes.
const text = fc
  .array(
    fc.constantFrom('a', 'b', 'é', '\ud7ff', '\ue000', '\uff5e', '\u{10000}', '\u{10001}', '\u{1f511}'),
    { maxLength: 6 },
  )
  .map((letters) => letters.join(''));

describe('strings', () => {
  it('are ordered as their UTF-8 bytes are', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareAsUtf8(a, b))).toBe(Math.sign(compareBytes(utf8(a), utf8(b))));
      }),
      { numRuns: 1000 },
    );
  });

  it('are written as their UTF-8 bytes, and nothing beside them', () => {
    fc.assert(
      fc.property(text, fc.nat(3), (text, offset) => {
        const expected = utf8(text);
        const out = new Uint8Array(offset + expected.length + 3).fill(0xee);
        expect(writeUtf8(text, out, offset)).toBe(offset + expected.length);
        expect(out.subarray(offset, offset + expected.length)).toEqual(expected);
        out.fill(0xee, offset, offset + expected.length);
        expect(out.every((byte) => byte === 0xee)).toBe(true);
      }),
    );
  });
});

describe('a part of bytes', () => {
  it('is all there, or their memory was made shorter', () => {
    const { buffer, empty } = resizable(8);
    const views = [new Uint8Array(buffer), new Uint8Array(buffer, 2, 6), new Uint8Array(buffer, 6)];
    for (const bytes of views) expect(fullSubarray(bytes, 1, 2)).toHaveLength(1);
    empty();
    for (const bytes of views) expect(() => fullSubarray(bytes, 1, 2)).toThrow(TypeError);
  });
});
