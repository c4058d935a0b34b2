import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { readTogether } from '../../src/http/read-together.ts';

const released: string[] = [];
const join = (name: string) => void readTogether().then(() => released.push(name));

test('requests of one turn of the event loop go on together, when all of them have been read', async () => {
  join('first');
  await microtasks();
  join('second');
  await microtasks();
  expect(released.splice(0)).toEqual([]);
  await setImmediate();
  expect(released.splice(0)).toEqual(['first', 'second']);
  join('of the next turn');
  await setImmediate();
  expect(released.splice(0)).toEqual(['of the next turn']);
});

test('more than 64 do not wait for each other', async () => {
  for (let request = 1; request <= 64; request += 1) join(`${request}`);
  join('one more');
  await microtasks();
  expect(released.splice(0)).toHaveLength(64);
  await setImmediate();
  expect(released.splice(0)).toEqual(['one more']);
});

async function microtasks(): Promise<void> {
  for (let round = 0; round < 10; round += 1) await Promise.resolve();
}
