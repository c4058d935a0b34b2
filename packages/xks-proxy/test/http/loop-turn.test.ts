import { expect, test } from 'vitest';
import { enterTurn } from '../../src/http/loop-turn.ts';

test('a turn begins with its first request and ends when the event loop goes round', async () => {
  expect(enterTurn().requests).toBe(1);
  busyFor(20);
  const second = enterTurn();
  expect(second.requests).toBe(2);
  expect(second.elapsedMs).toBeGreaterThanOrEqual(20);
  await Promise.resolve();
  expect(enterTurn().requests).toBe(3);
  await new Promise((resolve) => void setImmediate(resolve));
  const next = enterTurn();
  expect(next.requests).toBe(1);
  expect(next.elapsedMs).toBeLessThan(second.elapsedMs);
});

function busyFor(milliseconds: number): void {
  const endMs = performance.now() + milliseconds;
  while (performance.now() < endMs);
}
