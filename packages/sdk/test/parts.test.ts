import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concat } from '../src/bytes.ts';
import { Parts } from '../src/parts.ts';

const lengths = fc.array(fc.oneof(fc.nat(100), fc.integer({ min: 16_000, max: 17_000 })), { maxLength: 12 });
/** Memory as a runtime hands it out that does not zero it. */
const dirty = (length: number) => new Uint8Array(length).fill(0xdd);
const bytesOf = (length: number, seed: number) => new Uint8Array(length).map((_, i) => i + seed);

describe.each([false, true])('parts (joined: %s)', (isJoined) => {
  it('are given away in the order in which they came, however they came', () => {
    fc.assert(
      fc.property(lengths, fc.nat(40_000), (lengths, expected) => {
        const parts = new Parts(dirty, isJoined);
        parts.expect(expected);
        const all: Uint8Array[] = [];
        for (const [i, length] of lengths.entries()) {
          const bytes = bytesOf(length, i);
          all.push(bytes);
          if (i % 3 === 0) parts.put(bytes.slice());
          else if (i % 3 === 1) parts.putCopy(bytes);
          else {
            const offset = parts.reserve(length);
            parts.block.set(bytes, offset);
          }
        }
        expect(parts.length).toBe(concat(all).length);
        expect(Buffer.compare(isJoined ? parts.join() : concat(parts.take()), concat(all))).toBe(0);
        expect(parts.length).toBe(0);
      }),
    );
  });
});

describe('parts', () => {
  it('stay as they are if they are long, and are copied and wiped if they are short', () => {
    const parts = new Parts(dirty);
    const [long, short] = [bytesOf(20_000, 1), bytesOf(20, 1)];
    parts.put(short);
    parts.put(long);
    expect(short).toEqual(new Uint8Array(20));
    const [first, second] = parts.take();
    expect(first).toEqual(bytesOf(20, 1));
    expect(second).toEqual(long);
    expect(second?.buffer).toBe(long.buffer);
  });

  it('lie in one array if their length was told before', () => {
    const parts = new Parts(dirty);
    parts.expect(30_000);
    for (let i = 0; i < 300; i++) parts.putCopy(bytesOf(100, i));
    expect(parts.take()).toHaveLength(1);
  });

  it('let nothing be seen of what was in their memory before', () => {
    const parts = new Parts(dirty);
    parts.expect(1000);
    parts.putCopy(bytesOf(10, 0));
    const [part] = parts.take();
    expect(new Uint8Array(part?.buffer ?? new ArrayBuffer(0)).subarray(10)).toEqual(new Uint8Array(990));
  });

  it('are all zeroed when they are dropped', () => {
    const memory: Uint8Array[] = [];
    const parts = new Parts((length) => {
      const bytes = dirty(length);
      memory.push(bytes);
      return bytes;
    });
    const long = bytesOf(20_000, 1);
    for (let i = 0; i < 50; i++) parts.putCopy(bytesOf(100, i));
    parts.put(long);
    parts.wipe();
    expect(memory.length).toBeGreaterThan(1);
    for (const bytes of [long, ...memory]) expect(bytes.every((byte) => byte === 0)).toBe(true);
    expect(parts.take()).toEqual([]);
  });

  it('take at most about twice the memory of what there is, however short they are', () => {
    let taken = 0;
    const parts = new Parts((length) => {
      taken += length;
      return new Uint8Array(length);
    });
    for (let i = 0; i < 100_000; i++) parts.putCopy(Uint8Array.of(i));
    expect(taken).toBeLessThan(2 * 100_000);
  });
});
