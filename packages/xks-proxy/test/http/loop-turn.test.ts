import { setImmediate } from 'node:timers/promises';
import { beforeEach, expect, test } from 'vitest';
import { enterTurn, turnToWork } from '../../src/http/loop-turn.ts';

beforeEach(async () => {
  // The turn of another test is over, and work takes next to no time.
  for (let round = 0; round < 5; round += 1) {
    await Promise.all(Array.from({ length: 20 }, turnToWork));
  }
});

test('a turn begins with its first request and ends when the event loop goes round', async () => {
  expect(enterTurn().requests).toBe(1);
  busyFor(20);
  const second = enterTurn();
  expect(second.requests).toBe(2);
  expect(second.lateMs).toBeGreaterThanOrEqual(20);
  await Promise.resolve();
  expect(enterTurn().requests).toBe(3);
  await setImmediate();
  const next = enterTurn();
  expect(next.requests).toBe(1);
  expect(next.lateMs).toBeLessThan(second.lateMs);
});

test('work begins when all requests of the turn have been read, and quick work goes through its steps together', async () => {
  const steps: string[] = [];
  await Promise.all(['first', 'second'].map((name) => request(name, steps)));
  expect(steps).toEqual([
    'first is read',
    'second is read',
    'first begins',
    'second begins',
    'first ends',
    'second ends',
  ]);
});

test('work of more than eight milliseconds ends before that of the next request begins', async () => {
  const slow = () => busyFor(10);
  await Promise.all(Array.from({ length: 20 }, () => request('before', [], slow)));
  await setImmediate();
  const steps: string[] = [];
  await Promise.all(['first', 'second'].map((name) => request(name, steps, slow)));
  expect(steps).toEqual([
    'first is read',
    'second is read',
    'first begins',
    'first ends',
    'second begins',
    'second ends',
  ]);
});

test('no more than 32 requests begin together, however quick work has been', async () => {
  const steps: string[] = [];
  await Promise.all(Array.from({ length: 40 }, (_, index) => request(`${index}`, steps)));
  // On a machine that stood still for a moment, fewer do.
  const begun = steps.filter((step) => !step.endsWith('is read'));
  expect(begun.findIndex((step) => step.endsWith('ends'))).toBeLessThanOrEqual(32);
});

test('requests that wait for their work make later ones late, by as long as work has taken of late', async () => {
  const work = async () => {
    await turnToWork();
    busyFor(2);
  };
  for (let round = 0; round < 3; round += 1) await Promise.all(Array.from({ length: 20 }, work));
  const waiting = Array.from({ length: 20 }, work);
  expect(enterTurn().lateMs).toBeGreaterThanOrEqual(20);
  await Promise.all(waiting);
  await setImmediate();
  expect(enterTurn().lateMs).toBeLessThan(20);
});

async function request(name: string, steps: string[], work = () => {}): Promise<void> {
  steps.push(`${name} is read`);
  await turnToWork();
  steps.push(`${name} begins`);
  work();
  for (let step = 0; step < 5; step += 1) await Promise.resolve();
  steps.push(`${name} ends`);
}

function busyFor(milliseconds: number): void {
  const endMs = performance.now() + milliseconds;
  while (performance.now() < endMs);
}
