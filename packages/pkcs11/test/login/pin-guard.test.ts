import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { pinGuard } from '../../src/index.ts';
import { codeIn } from '../fixtures/error-code.ts';

describe('the guard over a PIN', () => {
  afterEach(() => void vi.restoreAllMocks());
  const memory = () => ({ turn: new SharedArrayBuffer(4), refusal: new SharedArrayBuffer(4) });

  it('lets one in after the other', () => {
    const guard = pinGuard(memory());
    for (let turn = 0; turn < 3; turn += 1) {
      expect(guard.enter()).toBe(false);
      guard.leave();
    }
    expect(() => guard.check()).not.toThrow();
  });

  it('gives no turn once the PIN was refused, in any thread that shares the memory', () => {
    const shared = memory();
    const [guard, other] = [pinGuard(shared), pinGuard(shared)];
    guard.enter();
    guard.refuse();
    guard.leave();
    expect(codeIn(() => other.check())).toBe('PIN_INCORRECT');
    expect(codeIn(() => other.enter())).toBe('PIN_INCORRECT');
  });

  it('keeps a refusal that was met elsewhere while a thread had its turn', () => {
    const guard = pinGuard(memory());
    guard.enter();
    expect(() => guard.check()).not.toThrow();
    guard.refuse();
    guard.leave();
    expect(codeIn(() => guard.check())).toBe('PIN_INCORRECT');
  });

  it('tells a waiting thread of the refusal, or gives it the next turn', async () => {
    for (const outcome of ['refused', 'done'] as const) {
      const shared = memory();
      const guard = pinGuard(shared);
      guard.enter();
      const end = endTurnLater(shared, outcome);
      if (outcome === 'refused') expect(codeIn(() => guard.enter())).toBe('PIN_INCORRECT');
      else expect(guard.enter()).toBe(true);
      await end;
    }
  });

  it('remembers a refusal for threads that share nothing else, and have turns of their own', () => {
    const { refusal } = memory();
    const [hanging, other] = [pinGuard({ ...memory(), refusal }), pinGuard({ ...memory(), refusal })];
    hanging.enter();
    expect(other.enter()).toBe(false);
    hanging.refuse();
    expect(codeIn(() => other.check())).toBe('PIN_INCORRECT');
  });

  it('lets a thread take over the turn of another whose login does not return in ten seconds', () => {
    const [hanging, second, third] = guards();
    const waits = vi.spyOn(Atomics, 'wait').mockReturnValue('timed-out');
    hanging.enter();
    expect(second.enter()).toBe(true);
    expect(waits).toHaveBeenCalledWith(expect.anything(), 0, expect.anything(), 10_000);
    // The turn is not that of the first any more, which therefore ends none.
    hanging.leave();
    waits.mockClear();
    expect(third.enter()).toBe(true);
    expect(waits).toHaveBeenCalled();
    second.leave();
    third.leave();
    expect(hanging.enter()).toBe(false);
  });

  it('lets no third login begin while two do not return', () => {
    const [hanging, second, third, fourth] = guards();
    const waits = vi.spyOn(Atomics, 'wait').mockReturnValue('timed-out');
    hanging.enter();
    second.enter();
    expect(third.isBlocked()).toBe(false);
    expect(codeIn(() => third.enter())).toBe('TOKEN_UNAVAILABLE');
    expect(third.isBlocked()).toBe(true);
    waits.mockClear();
    expect(codeIn(() => fourth.enter())).toBe('TOKEN_UNAVAILABLE');
    expect(waits).not.toHaveBeenCalled();
    second.leave();
    expect(third.isBlocked()).toBe(false);
    expect(third.enter()).toBe(false);
    third.leave();
    // The first returns much later, in the turn of another.
    third.enter();
    hanging.leave();
    expect(fourth.enter()).toBe(true);
  });

  it('lets no login begin for a PIN that was refused during the wait for a turn', () => {
    const [slow, second, third] = guards();
    vi.spyOn(Atomics, 'wait').mockImplementation(() => {
      slow.refuse();
      return 'timed-out';
    });
    slow.enter();
    expect(codeIn(() => second.enter())).toBe('PIN_INCORRECT');
    slow.leave();
    expect(codeIn(() => third.enter())).toBe('PIN_INCORRECT');
  });

  it('lets no more than two logins begin without an answer in between, whichever hang', () => {
    vi.spyOn(Atomics, 'wait').mockReturnValue('timed-out');
    const step = fc.record({ by: fc.nat(3), enters: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const all = guards();
        const offering = new Set<number>();
        let unanswered = 0;
        for (const { by, enters } of steps) {
          const guard = all[by] ?? expect.unreachable();
          if (enters && !offering.has(by) && codeIn(() => guard.enter()) === undefined) {
            offering.add(by);
            unanswered += 1;
            expect(unanswered).toBeLessThanOrEqual(2);
          } else if (!enters && offering.delete(by)) {
            guard.leave();
            unanswered = 0;
          }
        }
        // Once all have returned, the turn is free.
        for (const by of offering) all[by]?.leave();
        expect(all[0].enter()).toBe(false);
      }),
    );
  });

  /** Those of four threads that share the memory. */
  function guards() {
    const shared = memory();
    return [pinGuard(shared), pinGuard(shared), pinGuard(shared), pinGuard(shared)] as const;
  }

  /** In another thread, while this one waits. */
  function endTurnLater({ turn, refusal }: ReturnType<typeof memory>, outcome: 'refused' | 'done') {
    const program = `
      const { workerData: { turn, refusal, outcome } } = require('node:worker_threads');
      setTimeout(() => {
        if (outcome === 'refused') Atomics.store(new Int32Array(refusal), 0, 1);
        Atomics.store(new Int32Array(turn), 0, 0);
        Atomics.notify(new Int32Array(turn), 0);
      }, 50);`;
    const thread = new Worker(program, { eval: true, execArgv: [], workerData: { turn, refusal, outcome } });
    onTestFinished(() => void thread.terminate());
    return new Promise((resolve) => void thread.once('exit', resolve));
  }
});
