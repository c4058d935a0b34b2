import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { deadlineIn, inTime, sharedDeadlines } from '../src/deadline.ts';

const LATE = { errorName: 'DependencyTimeoutException' };

describe('a deadline', () => {
  it('leaves work that ends in time its result, or its own error', async () => {
    const deadline = deadlineIn(1000);
    await expect(inTime(Promise.resolve(1), deadline)).resolves.toBe(1);
    await expect(inTime(Promise.reject(new TypeError('own')), deadline)).rejects.toThrow(TypeError);
    expect(deadline.remainingMs()).toBeGreaterThan(0);
    deadline.throwIfReached();
    expect(deadline.signal.aborted).toBe(false);
  });

  it('makes a timeout of work that takes longer, and tells all who want to know', async () => {
    const deadline = deadlineIn(20);
    const told: unknown[] = [];
    deadline.whenReached((reason) => void told.push(reason));
    deadline.whenReached((reason) => void told.push(reason))();
    await expect(inTime(new Promise(() => undefined), deadline)).rejects.toMatchObject(LATE);
    expect(told).toEqual([deadline.signal.reason]);
    expect(deadline.signal.reason).toMatchObject(LATE);
    expect(() => deadline.throwIfReached()).toThrow(expect.objectContaining(LATE));
    expect(deadline.remainingMs()).toBe(0);
  });

  it('is not disturbed by work that fails after it', async () => {
    const work = new Promise<void>(
      (_resolve, reject) => void setTimeout(() => reject(new Error('late')), 30),
    );
    await expect(inTime(work, deadlineIn(5))).rejects.toMatchObject(LATE);
    await expect(work).rejects.toThrow('late');
  });

  it('is reached with the one that it is a part of, and not the other way round', () => {
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const whole = deadlineIn(40);
    const [short, long] = [deadlineIn(10, whole), deadlineIn(1000, whole)];
    vi.advanceTimersByTime(25);
    expect([short, whole, long].map(({ signal }) => signal.aborted)).toEqual([true, false, false]);
    vi.advanceTimersByTime(25);
    expect(long.signal.reason).toBe(whole.signal.reason);
  });
});

describe('shared deadlines', () => {
  it('are one for those that begin together, and another for those that begin later', () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const deadline = sharedDeadlines(100);
    const first = deadline();
    vi.advanceTimersByTime(4);
    expect(deadline()).toBe(first);
    vi.advanceTimersByTime(16);
    expect(deadline()).not.toBe(first);
  });

  it('are waited for by any number of calls', async () => {
    const warnings: Error[] = [];
    const listen = (warning: Error) => void warnings.push(warning);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    const { signal } = sharedDeadlines(100)();
    for (let call = 0; call < 100; call += 1) signal.addEventListener('abort', () => undefined);
    await sleep(5);
    expect(warnings).toEqual([]);
  });

  it('are never later than the time that there is', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
    onTestFinished(() => void vi.useRealTimers());
    const deadline = sharedDeadlines(100);
    deadline();
    vi.advanceTimersByTime(4);
    const late = inTime(new Promise(() => undefined), deadline());
    vi.advanceTimersByTime(100);
    await expect(late).rejects.toMatchObject(LATE);
  });
});
