import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { additionalAuthenticatedData } from '../../src/cryptography/encryption-context.ts';

const text = fc.string({ unit: 'binary', maxLength: 12 });
const pairs = fc.uniqueArray(fc.tuple(text, text), { selector: ([name]) => name, maxLength: 6 });

describe('the bytes of an encryption context', () => {
  test('do not depend on the order of its pairs', () => {
    fc.assert(
      fc.property(pairs, (given) => {
        const reversed = new Map([...given].reverse());
        expect(additionalAuthenticatedData('key', new Map(given))).toEqual(
          additionalAuthenticatedData('key', reversed),
        );
      }),
    );
  });

  test('are those of no other key and context', () => {
    const canonical = (keyId: string, given: readonly (readonly [string, string])[]) =>
      JSON.stringify([keyId, [...given].sort(([a], [b]) => Buffer.from(a).compare(Buffer.from(b)))]);
    fc.assert(
      fc.property(text, pairs, text, pairs, (keyA, a, keyB, b) => {
        const encodedA = Buffer.from(additionalAuthenticatedData(keyA, new Map(a)));
        const encodedB = Buffer.from(additionalAuthenticatedData(keyB, new Map(b)));
        expect(encodedA.equals(encodedB)).toBe(canonical(keyA, a) === canonical(keyB, b));
      }),
    );
  });

  test.each([
    [{ a: 'bc' }, { ab: 'c' }],
    [{ a: 'b', c: 'd' }, { a: 'bcd' }],
    [{}, { '': '' }],
    [{ a: '' }, { '': 'a' }],
  ])('tell %j from %j', (a, b) => {
    const encode = (context: object) => additionalAuthenticatedData('key', new Map(Object.entries(context)));
    expect(encode(a)).not.toEqual(encode(b));
  });

  test('are 8192 at most', () => {
    const encode = (length: number) => () =>
      additionalAuthenticatedData('key', new Map([['a', 'x'.repeat(length)]]));
    const overhead = encode(0)().length;
    expect(encode(8192 - overhead)()).toHaveLength(8192);
    expect(encode(8193 - overhead)).toThrow(expect.objectContaining({ code: 'ValidationException' }));
  });
});
