import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { isPlainPath } from '../../src/http/request-path.ts';

it('a plain path is one that a URL parser leaves as it is', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 40 }), (text) => {
      const target = `/${text}`;
      if (!isPlainPath(target)) return;
      const url = new URL(`https://localhost${target}`);
      expect(url.href).toBe(`https://localhost${target}`);
      expect(decodeURIComponent(url.pathname)).toBe(target);
    }),
    { numRuns: 2000 },
  );
});

it.each([
  '/kms/xks/v1/health',
  '/a/kms/xks/v1/keys/a.b_c-D9/encrypt',
  '/..a',
  '/a..',
  '/...',
  `/${'a'.repeat(255)}`,
])('%s is plain', (path) => {
  expect(isPlainPath(path)).toBe(true);
});

it.each([
  '',
  '/',
  'a',
  '//',
  '/a/',
  '/a//b',
  '/.',
  '/..',
  '/a/../b',
  '/a/..',
  '/%61',
  '/a?',
  '/a#',
  '/a b',
  '/é',
  '*',
  `/${'a'.repeat(256)}`,
])('%j is not plain', (path) => {
  expect(isPlainPath(path)).toBe(false);
});
