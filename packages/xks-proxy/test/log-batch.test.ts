import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { batchedLines } from '../src/log-batch.ts';

test('lines of a few milliseconds are one write, in their order', async () => {
  const before = process.listeners('exit');
  const writes: string[] = [];
  const stream = batchedLines({ write: (text) => writes.push(text) });
  onTestFinished(() => {
    for (const listener of process.listeners('exit')) {
      if (!before.includes(listener)) process.off('exit', listener);
    }
  });
  for (const line of ['1\n', '2\n']) stream.write(line);
  await Promise.resolve();
  stream.write('3\n');
  expect(writes).toEqual([]);
  await sleep(LONGER_MS);
  stream.write('4\n');
  await sleep(LONGER_MS);
  expect(writes).toEqual(['1\n2\n3\n', '4\n']);
});

test.each(['process.exit(3)', 'throw new Error("nobody catches it")'])(
  'lines are written before the end by %s',
  (end) => {
    const module = new URL('../dist/log-batch.js', import.meta.url).href;
    const program = `import { batchedLines } from ${JSON.stringify(module)};
      batchedLines(process.stdout).write('last\\n');
      ${end};`;
    const options = { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } } as const;
    const { stdout, status } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', program],
      options,
    );
    expect(stdout).toBe('last\n');
    expect(status).not.toBe(0);
  },
);

const LONGER_MS = 50;
