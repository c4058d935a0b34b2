import { expect, onTestFinished, test, vi } from 'vitest';
import { firstSignal } from '../../src/cli/first-signal.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

test('further signals are ignored for five seconds after the first, and then are as they were', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  onTestFinished(() => void vi.useRealTimers());
  const before = SIGNALS.map((signal) => process.listeners(signal));
  const listeners = () =>
    SIGNALS.map((signal, index) =>
      process.listeners(signal).filter((listener) => !before[index]?.includes(listener)),
    );
  const first = firstSignal();
  const [interrupted = [], terminated = []] = listeners();
  expect([interrupted.length, terminated.length]).toEqual([1, 1]);
  for (const listener of [...terminated, ...terminated, ...interrupted]) listener('SIGTERM');
  await first;
  vi.advanceTimersByTime(4_999);
  expect(listeners()).toEqual([interrupted, terminated]);
  vi.advanceTimersByTime(1);
  expect(listeners()).toEqual([[], []]);
});
