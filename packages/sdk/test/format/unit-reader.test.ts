import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Parser } from '../../src/format/cursor.ts';
import { Input } from '../../src/format/input.ts';
import { UnitReader } from '../../src/format/unit-reader.ts';

const lengthPrefixed: Parser<string> = (cursor) => Buffer.from(cursor.field()).toString('hex');

describe('a unit reader', () => {
  it('reads units byte by byte', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 4 }), (units) => {
        const input = new Input();
        const read: string[] = [];
        let reader = new UnitReader(lengthPrefixed);
        for (const byte of units.flatMap((unit) => [unit.length >> 8, unit.length & 0xff, ...unit])) {
          input.push(Uint8Array.of(byte));
          const done = reader.read(input);
          input.settle();
          if (done === undefined) continue;
          read.push(done.unit);
          reader = new UnitReader(lengthPrefixed);
        }
        expect(read).toEqual(units.map((unit) => Buffer.from(unit).toString('hex')));
        expect(input.length).toBe(0);
      }),
    );
  });

  it('does not read again what stands before a mark', () => {
    const reads: number[] = [];
    let first: number | undefined;
    const reader = new UnitReader((cursor) => {
      first ??= cursor.number(1);
      cursor.mark();
      reads.push(cursor.offset);
      return [first, cursor.number(1), cursor.number(1)];
    });
    const input = new Input();
    const units = [1, 2, 3].map((byte) => {
      input.push(Uint8Array.of(byte));
      return reader.read(input)?.unit;
    });
    expect(units).toEqual([undefined, undefined, [1, 2, 3]]);
    expect(reads).toEqual([1, 1, 1]);
  });
});
