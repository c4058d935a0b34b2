import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { RUNS_TYPESCRIPT } from '../../../../tools/vitest/runs-typescript.ts';
import { readCounts } from '../../src/budget/counts-directory.ts';
import { temporaryFolder } from '../fixtures/folder.ts';
import { onFullDisk } from '../fixtures/full-disk.ts';

it.each([
  ['after a crash of all', (file: string) => file],
  ['on other machines', (_file: string, index: number) => `iv-counts_closed_${index}.json`],
])(
  'processes that start at the same time, again and again %s, count each encryption once',
  async (_title, left) => {
    const folder = temporaryFolder();
    const args = [folder, String(ENCRYPTIONS), 'orders'];
    for (let round = 1; round <= ROUNDS; round += 1) {
      const children = Array.from({ length: PROCESSES }, () =>
        fork(PROGRAM, args, { execArgv: [RUNS_TYPESCRIPT] }),
      );
      await Promise.all(children.map((child) => once(child, 'message')));
      const ended = children.map((child) => once(child, 'exit'));
      for (const child of children) child.send('go');
      await Promise.all(ended);
      expect(children.map(({ signalCode }) => signalCode)).toEqual(Array(PROCESSES).fill('SIGKILL'));
      expect(readCounts(folder).get('label orders')).toBe(round * PROCESSES * ENCRYPTIONS);
      const found = readdirSync(folder);
      expect(found).toHaveLength(PROCESSES);
      for (const [index, file] of found.entries())
        renameSync(join(folder, file), join(folder, left(file, index)));
    }
  },
  60_000,
);

it('a disk that becomes full refuses encryptions, and loses none that was made', async () => {
  const folder = temporaryFolder();
  const labels = Array.from({ length: 100 }, (_, index) => `${'key'.repeat(20)} ${index}`);
  const child = fork(PROGRAM, [folder, '1', ...labels], onFullDisk(4096));
  await once(child, 'message');
  child.send('go');
  const messages: readonly unknown[] = await once(child, 'message');
  const encryptions = Number(messages[0]);
  await once(child, 'exit');
  expect(encryptions).toBeGreaterThan(0);
  expect(encryptions).toBeLessThan(labels.length);
  expect(readCounts(folder)).toEqual(
    new Map(labels.slice(0, encryptions).map((label) => [`label ${label}`, 1])),
  );
  // No draft is left either.
  expect(readdirSync(folder)).toHaveLength(1);
}, 60_000);

const PROGRAM = fileURLToPath(new URL('../fixtures/count-process.ts', import.meta.url));
const [PROCESSES, ENCRYPTIONS, ROUNDS] = [4, 10, 3];
