import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { matchesPattern } from '../../src/policy/pattern.ts';

describe('a pattern', () => {
  it.each([
    ['arn:aws:iam::111122223333:role/*', 'arn:aws:iam::111122223333:role/app/writer', true],
    ['arn:aws:iam::111122223333:role/*', 'arn:aws:iam::111122223334:role/app', false],
    ['*', '', true],
    ['', '', true],
    ['', 'a', false],
    ['?', '', false],
    ['s3.*.amazonaws.com', 's3.eu-north-1.amazonaws.com', true],
    ['s3.*.amazonaws.com', 's3.amazonaws.com', false],
    ['a*b*c', 'a-b-b-c', true],
    ['a*b*c', 'a-b-c-', false],
    ['.', 'a', false],
    ['[a]', 'a', false],
    ['Encrypt', 'encrypt', false],
  ])('%j against %j: %j', (pattern, text, expected) => {
    expect(matchesPattern(pattern, text)).toBe(expected);
  });

  it('means what the same regular expression means', () => {
    const symbols = fc.array(fc.constantFrom('a', 'b', '*', '?', '.', '\\'), { maxLength: 8 });
    const texts = fc.array(fc.constantFrom('a', 'b', '.', '\\'), { maxLength: 12 });
    fc.assert(
      fc.property(symbols, texts, (pattern, text) => {
        const meaning = new Map([
          ['*', '.*'],
          ['?', '.'],
        ]);
        const source = pattern.map(
          (symbol) => meaning.get(symbol) ?? `\\u{${symbol.charCodeAt(0).toString(16)}}`,
        );
        const expected = new RegExp(`^${source.join('')}$`, 'u').test(text.join(''));
        expect(matchesPattern(pattern.join(''), text.join(''))).toBe(expected);
      }),
      { numRuns: 2000 },
    );
  });

  it('takes no time that a caller could spend', () => {
    const startedAt = performance.now();
    expect(matchesPattern('*a'.repeat(40), `${'a'.repeat(2048)}b`)).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});
