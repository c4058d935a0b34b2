import { stripVTControlCharacters } from 'node:util';
import { afterEach, expect, test, vi } from 'vitest';
import { createReport } from '../../examples/chain/report.ts';

function screen(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, write: (text: string) => written.push(text), text: () => written.join('') };
}

afterEach(() => {
  vi.unstubAllEnvs();
});

test('elsewhere than on a terminal, a step is one plain line, written when it is done', async () => {
  const plain = screen(false);
  const result = await createReport(plain).step(
    'wait',
    async () => 7,
    (value) => `got ${value}`,
  );
  expect(result).toBe(7);
  expect(plain.text()).toMatch(/^ {2}ok wait +\d+\.\d ms {2}got 7\n$/);
});

test('on a terminal, a step turns while it lasts and ends as one coloured line', async () => {
  vi.stubEnv('NO_COLOR', '');
  const terminal = screen(true);
  await createReport(terminal).step(
    'wait',
    async () => 7,
    (value) => `got ${value}`,
  );
  const [progress = '', outcome = ''] = terminal.text().split('\r\u001B[K');
  expect(progress).toMatch(/^\r .+wait +$/);
  expect(outcome).not.toBe(stripVTControlCharacters(outcome));
  expect(stripVTControlCharacters(outcome)).toMatch(/^ {2}✓ wait +\d+\.\d ms {2}got 7\n$/);
});

test('on a terminal with NO_COLOR there is no colour', async () => {
  vi.stubEnv('NO_COLOR', '1');
  const terminal = screen(true);
  const report = createReport(terminal);
  report.heading('title');
  report.failure('reason');
  expect(terminal.text()).toBe('\ntitle\n\nreason\n');
});

test('a step that fails says so and keeps its error', async () => {
  const plain = screen(false);
  const failure = new RangeError('reason');
  const step = createReport(plain).step('try', () => Promise.reject(failure), String);
  await expect(step).rejects.toBe(failure);
  expect(plain.text()).toMatch(/^ {2}failed try +\n$/);
});
