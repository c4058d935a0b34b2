import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contextBytes, copyContext, parseContextBytes } from '../src/context.ts';

const wellFormed = fc.string({ unit: 'grapheme', maxLength: 40 });
const contexts = fc.dictionary(wellFormed, wellFormed, { maxKeys: 12 });
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

describe('context bytes', () => {
  it('read back as the same context', () => {
    fc.assert(
      fc.property(contexts, (context) => {
        expect(Object.entries(parseContextBytes(contextBytes(context))).sort()).toEqual(
          Object.entries(context).sort(),
        );
      }),
    );
  });

  it('do not depend on the order of the pairs', () => {
    fc.assert(
      fc.property(contexts, (context) => {
        const reversed = Object.fromEntries(Object.entries(context).reverse());
        expect(hex(contextBytes(reversed))).toBe(hex(contextBytes(context)));
      }),
    );
  });

  it('belong to who asked for them: what is written to them changes no other answer', () => {
    const context = copyContext({ tenant: '42' });
    const expected = hex(contextBytes(context));
    contextBytes(context).fill(0xff);
    expect(hex(contextBytes(context))).toBe(expected);
  });

  it('follow a context that is not frozen', () => {
    const context = { tenant: '42' };
    const before = hex(contextBytes(context));
    context.tenant = '43';
    expect(hex(contextBytes(context))).not.toBe(before);
  });

  it('are none for an empty context', () => {
    expect(contextBytes({})).toHaveLength(0);
  });

  it('are sorted by UTF-8 bytes, where astral characters come last', () => {
    // In UTF-16 the surrogates of U+1F512 come before U+FF21.
    const sorted = contextBytes({ '\u{1f512}': '', Ａ: '', b: '', B: '' });
    expect(hex(sorted)).toBe(
      '0004 000142 0000 000162 0000 0003efbca1 0000 0004f09f9492 0000'.replaceAll(' ', ''),
    );
  });

  it('keep names that objects have of their own', () => {
    const context = copyContext(
      Object.fromEntries([
        ['__proto__', 'a'],
        ['constructor', 'b'],
      ]),
    );
    expect(Object.entries(parseContextBytes(contextBytes(context)))).toEqual([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]);
  });

  it.each([
    ['a lone surrogate', { a: '\ud800' }],
    ['more than 65,535 bytes in a value', { a: 'x'.repeat(65_536) }],
    ['more than 65,535 bytes in all', { a: 'x'.repeat(40_000), b: 'x'.repeat(40_000) }],
  ])('are refused for %s', (_, context) => {
    expect(() => copyContext(context)).toThrow(
      expect.objectContaining({ code: 'ENCRYPTION_CONTEXT_INVALID' }),
    );
  });
});

describe('reading context bytes', () => {
  it.each([
    ['a key twice', '0002 0001 61 0001 31 0001 61 0001 32'],
    ['a count that is too high', '0002 0001 61 0001 31'],
    ['a count that is too low', '0001 0001 61 0001 31 0001 62 0001 32'],
    ['count zero with bytes behind it', '0000 0001'],
    ['a length beyond the end', '0001 0001 61 0005 31'],
    ['half a count', '00'],
    ['a bad UTF-8 byte', '0001 0001 ff 0001 31'],
    ['an overlong form', '0001 0002 c080 0001 31'],
    ['a surrogate in UTF-8', '0001 0003 eda080 0001 31'],
  ])('refuses %s', (_, text) => {
    expect(() => parseContextBytes(bytes(text))).toThrow(
      expect.objectContaining({ code: 'MESSAGE_MALFORMED' }),
    );
  });

  it('accepts the count zero that old writers put for an empty context', () => {
    expect(Object.keys(parseContextBytes(bytes('0000')))).toEqual([]);
  });

  it('accepts pairs in another order', () => {
    expect(Object.keys(parseContextBytes(bytes('0002 0001 62 0001 31 0001 61 0001 32')))).toEqual(['b', 'a']);
  });

  it('throws nothing but its own error for random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (random) => {
        try {
          parseContextBytes(random);
        } catch (error) {
          expect(error).toMatchObject({ code: 'MESSAGE_MALFORMED' });
        }
      }),
    );
  });
});
