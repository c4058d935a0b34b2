import { describe, expect, it } from 'vitest';
import { pinGuard } from '../src/index.ts';
import { errorCode } from './error-code.ts';

describe('the guard over a PIN', () => {
  it('lets one in after the other', () => {
    const guard = pinGuard(new SharedArrayBuffer(4));
    for (let turn = 0; turn < 3; turn += 1) {
      expect(guard.enter()).toBe(false);
      guard.leave('done');
    }
    expect(() => guard.check()).not.toThrow();
  });

  it('lets nobody in once the PIN was refused, as all know who have the memory', () => {
    const memory = new SharedArrayBuffer(4);
    const [guard, other] = [pinGuard(memory), pinGuard(memory)];
    guard.enter();
    guard.leave('refused');
    expect(errorCode(() => other.check())).toBe('PIN_INCORRECT');
    expect(errorCode(() => other.enter())).toBe('PIN_INCORRECT');
  });

  it('keeps a refusal that was met elsewhere while somebody had their turn', () => {
    const guard = pinGuard(new SharedArrayBuffer(4));
    guard.enter();
    expect(() => guard.check()).not.toThrow();
    guard.leave('refused');
    guard.leave('done');
    expect(errorCode(() => guard.check())).toBe('PIN_INCORRECT');
  });
});
