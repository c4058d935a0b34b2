import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes.ts';
import { Input, type Parser, UnitReader } from '../../src/format/input.ts';

const lengthPrefixed: Parser<string> = (cursor) => Buffer.from(cursor.field()).toString('hex');

describe('input', () => {
  it('gives out what came in, however it was cut', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 20 })), fc.array(fc.nat(9)), (chunks, takes) => {
        const input = new Input();
        const taken: number[] = [];
        for (const [i, chunk] of chunks.entries()) {
          const callersChunk = chunk.slice();
          input.push(callersChunk);
          const length = Math.min(takes[i] ?? 0, input.length);
          const bytes = input.take(length);
          taken.push(...bytes);
          expect(concat(input.used())).toEqual(bytes);
          input.settle();
          callersChunk.fill(0xee); // the caller uses his memory for something else
        }
        taken.push(...input.take(input.length));
        expect(taken).toEqual(chunks.flatMap((chunk) => [...chunk]));
      }),
    );
  });

  it('never writes to a chunk of the caller', () => {
    const first = Uint8Array.of(1, 2, 3);
    const second = Uint8Array.of(4);
    const input = new Input();
    input.push(first);
    input.push(second);
    input.take(3);
    input.settle();
    expect([...first, ...second]).toEqual([1, 2, 3, 4]);
  });
});

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
