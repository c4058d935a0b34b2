import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../../src/bytes.ts';
import { Input } from '../../src/format/input.ts';

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
          callersChunk.fill(0xee); // the caller uses its memory for something else
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
