import * as fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { moduleMemory } from '../../src/library/module-memory.ts';
import { CAPACITY, type HeldHandle, nameOf, sessionHandles } from '../../src/sessions/session-handles.ts';
import { closingThread, holdingThread } from '../fixtures/hold-session.ts';

const handle = (value: bigint | number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

/** The handles of a module as two threads see them. */
function threads() {
  const { buffer, sessions: ours } = moduleMemory();
  return { buffer, ours, theirs: moduleMemory(buffer).sessions };
}

/** Whether a holder closes the session itself. */
function closes(held: HeldHandle | undefined): boolean {
  const closeSession = vi.fn<() => void>();
  held?.close(closeSession);
  return closeSession.mock.calls.length === 1;
}

describe('the session handles of a process', () => {
  it('are not held by two, whatever they are', () => {
    const handles = fc.bigInt({ min: 1n, max: 2n ** 64n - 2n });
    const step = fc.record({ session: fc.oneof(fc.bigInt({ min: 1n, max: 9n }), handles), by: fc.nat(1) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { ours, theirs } = threads();
        const held = new Map<bigint, HeldHandle>();
        for (const { session, by } of steps) {
          const hold = [ours, theirs][by]?.hold(handle(session));
          const before = held.get(session);
          expect(hold === undefined).toBe(before !== undefined);
          // A handle that is met a second time is released.
          before?.release();
          held.delete(session);
          if (hold !== undefined) held.set(session, hold);
        }
      }),
    );
  });

  it('have names that no two share, also where they have four bytes', () => {
    const long = (value: bigint) => nameOf(handle(value));
    const short = (value: number) => nameOf(Buffer.from(Uint32Array.of(value).buffer));
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 2n ** 64n - 2n }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 2n }),
        (a, b) => {
          expect(long(a) === long(b)).toBe(a === b);
          expect(long(a)).not.toBe(0n);
        },
      ),
    );
    expect([short(1), short(0xffff_fffe)]).toEqual([-2n, 1n]);
  });

  it('are closed by their holder, unless the module has given them again', () => {
    const { ours, theirs } = threads();
    expect(closes(ours.hold(handle(1)))).toBe(true);
    const held = ours.hold(handle(1));
    expect(theirs.hold(handle(1))).toBeUndefined();
    expect([theirs.reportReissue(handle(1)), ours.reportReissue(handle(1))]).toEqual(['first', 'again']);
    expect(closes(held)).toBe(false);
    expect(theirs.reportReissue(handle(1))).toBe('released');
    // The next holder is told nothing about an earlier reissue.
    expect(closes(theirs.hold(handle(1)))).toBe(true);
  });

  it('are taken over from a holder that may never return, which then does not close them', () => {
    const { ours, theirs } = threads();
    const held = ours.hold(handle(1));
    theirs.reportReissue(handle(1));
    const taken = theirs.takeOver(handle(1));
    expect(taken).toBeDefined();
    expect(closes(held)).toBe(false);
    expect(ours.hold(handle(1))).toBeUndefined();
    expect(ours.reportReissue(handle(1))).toBe('first');
    taken?.release();
    expect(theirs.takeOver(handle(1))).toBeUndefined();
  });

  it('are not taken over from a holder that is about to close them, and waited for only once', () => {
    const { ours, theirs } = threads();
    const meetings: unknown[] = [];
    ours.hold(handle(1))?.close(() => {
      meetings.push(
        theirs.reportReissue(handle(1)),
        theirs.reportReissue(handle(1)),
        theirs.takeOver(handle(1)),
      );
    });
    expect(meetings).toEqual(['again', 'again', undefined]);
    expect(closes(theirs.hold(handle(1)))).toBe(true);
  });

  it('are waited for until another thread has closed them', async () => {
    const { buffer, ours } = threads();
    const finish = await closingThread(buffer);
    expect(ours.hold(handle(1))).toBeUndefined();
    finish();
    expect(ours.reportReissue(handle(1))).toBe('released');
    expect(ours.hold(handle(1))).toBeDefined();
  });

  it('are released by a thread that ends', async () => {
    const { buffer, ours } = threads();
    const end = await holdingThread(buffer);
    expect(ours.hold(handle(1))).toBeUndefined();
    await end();
    expect(ours.hold(handle(1))).toBeDefined();
  });

  it('are not held by two that take a place each at the same moment', () => {
    const names = new SharedArrayBuffer(8 * 4);
    const states = new Int32Array(4);
    const ourNames = new BigInt64Array(names);
    const ours = sessionHandles(ourNames, states);
    const theirs = sessionHandles(new BigInt64Array(names), states);
    theirs.hold(handle(7));
    let held: HeldHandle | undefined;
    vi.spyOn(ourNames, 'includes').mockImplementationOnce(() => {
      held = theirs.hold(handle(1));
      return false;
    });
    expect(ours.hold(handle(1))).toBeUndefined();
    expect(held).toBeDefined();
    held?.release();
    expect(ours.hold(handle(1))).toBeDefined();
  });

  it('may be more than there is room for', () => {
    const { ours, theirs } = threads();
    for (let session = 1; session <= CAPACITY; session += 1) ours.hold(handle(session));
    expect(theirs.hold(handle(CAPACITY))).toBeUndefined();
    expect(closes(ours.hold(handle(CAPACITY + 1)))).toBe(true);
  });
});
