import { expect, test } from 'vitest';
import { turnElapsedMs } from '../../src/http/loop-turn.ts';

test('a turn begins with its first request and ends when the event loop goes round', async () => {
  expect(turnElapsedMs()).toBe(0);
  busyFor(20);
  expect(turnElapsedMs()).toBeGreaterThanOrEqual(20);
  await Promise.resolve();
  expect(turnElapsedMs()).toBeGreaterThanOrEqual(20);
  await new Promise((resolve) => void setImmediate(resolve));
  expect(turnElapsedMs()).toBe(0);
});

function busyFor(milliseconds: number): void {
  const endMs = performance.now() + milliseconds;
  while (performance.now() < endMs);
}
