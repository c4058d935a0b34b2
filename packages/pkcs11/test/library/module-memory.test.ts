import { describe, expect, it } from 'vitest';
import { moduleMemory } from '../../src/library/module-memory.ts';

const handle = (value: bigint | number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

describe('what the threads that use a module have in common', () => {
  it('tells all of every restart', () => {
    const ours = moduleMemory();
    const theirs = moduleMemory(ours.buffer);
    for (const count of [1, 2, 3]) {
      expect(ours.countRestart()).toBe(count);
      expect([ours.restarts, theirs.restarts]).toEqual([count, count]);
    }
    expect(moduleMemory().restarts).toBe(0);
  });

  it('counts the logins at each slot', () => {
    const ours = moduleMemory();
    const theirs = moduleMemory(ours.buffer);
    const slots = [0, 1, 2, 0x7fff_ffff, 0xffff_fffe, 2n ** 33n].map((slot) => handle(slot));
    for (const [at, slot] of slots.entries()) {
      const logins = ours.loginsAt(slot);
      expect(logins.count).toBe(0);
      for (let count = 1; count <= at + 1; count += 1) expect(logins.add()).toBe(count);
    }
    expect(slots.map((slot) => theirs.loginsAt(slot).count)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('counts every login even if there are more slots than it has places for', () => {
    const ours = moduleMemory();
    const theirs = moduleMemory(ours.buffer);
    for (let slot = 0; slot < 100; slot += 1) {
      const logins = theirs.loginsAt(handle(slot));
      const { count } = logins;
      ours.loginsAt(handle(slot)).add();
      expect(logins.count).toBe(count + 1);
    }
  });

  it('is not taken from memory of another kind', () => {
    expect(() => moduleMemory(new SharedArrayBuffer(8))).toThrow(TypeError);
    // @ts-expect-error
    expect(() => moduleMemory(new ArrayBuffer(8))).toThrow(TypeError);
  });
});
