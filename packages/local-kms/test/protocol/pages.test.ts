import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pageOf } from '../../src/protocol/pages.ts';

const identity = (id: string) => id;

describe('pages', () => {
  test('hold every entry once, in order, none but the last short', () => {
    const entries = fc.uniqueArray(fc.string({ minLength: 1 })).map((ids) => ids.sort());
    fc.assert(
      fc.property(entries, fc.integer({ min: 1, max: 10 }), (all, limit) => {
        const seen: string[] = [];
        let marker: string | undefined;
        do {
          const page = pageOf('Things', all, identity, { limit, marker });
          seen.push(...page.entries);
          marker = page.end.NextMarker;
          expect(page.end.Truncated).toBe(marker !== undefined);
          if (marker !== undefined) expect(page.entries).toHaveLength(limit);
        } while (marker !== undefined);
        expect(seen).toEqual(all);
      }),
    );
  });

  test('go on where they ended after that entry is gone', () => {
    const { end } = pageOf('Things', ['a', 'b', 'c'], identity, { limit: 2, marker: undefined });
    const next = pageOf('Things', ['a', 'c'], identity, { limit: 2, marker: end.NextMarker });
    expect(next.entries).toEqual(['c']);
  });

  test('begin at no marker that another list returned, or none', () => {
    const { end } = pageOf('Things', ['a', 'b'], identity, { limit: 1, marker: undefined });
    for (const [kind, marker] of [
      ['Others', end.NextMarker],
      ['Things', 'b'],
      ['Things', `${end.NextMarker}=`],
    ] as const) {
      expect(() => pageOf(kind, ['a', 'b'], identity, { limit: 1, marker })).toThrow(
        expect.objectContaining({ code: 'InvalidMarkerException' }),
      );
    }
  });
});
