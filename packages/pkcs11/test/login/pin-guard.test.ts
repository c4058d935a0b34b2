import { Worker } from 'node:worker_threads';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pinGuard } from '../../src/index.ts';
import { codeIn } from '../fixtures/error-code.ts';

describe('the guard over a PIN', () => {
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
