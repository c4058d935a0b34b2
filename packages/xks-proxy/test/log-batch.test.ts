import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { batchedLines } from '../src/log-batch.ts';

test('lines of the same moment are one write, in their order', async () => {
  const before = process.listeners('exit');
  const writes: string[] = [];
  const stream = batchedLines(
    new Writable({
      decodeStrings: false,
      write(text: string, _encoding, done) {
        writes.push(text);
        done();
      },
    }),
    { isShared: false },
  );
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
    const program = `import { batchedLines } from ${moduleUrl('log-batch')};
      import { standardOutput } from ${moduleUrl('cli/standard-output')};
      const log = batchedLines(standardOutput(), { isShared: true });
      for (let count = 0; count < 20; count += 1) log.write('line'.padEnd(600) + '\\n');
      ${end};`;
    const options = { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } } as const;
    const { stdout, status } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', program],
      options,
    );
    expect(stdout.match(/line/g)).toHaveLength(20);
    expect(status).not.toBe(0);
  },
);

test('a reader that stalls loses the stream, and keeps the process from no end', async () => {
  const program = `import { batchedLines } from ${moduleUrl('log-batch')};
    import { standardOutput } from ${moduleUrl('cli/standard-output')};
    const output = standardOutput();
    const log = batchedLines(output, { isShared: false });
    const writer = setInterval(() => log.write('line\\n'.repeat(200_000)), 10);
    output.on('error', () => {
      clearInterval(writer);
      process.exitCode = 3;
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exit: readonly unknown[] = await once(child, 'exit');
  expect(exit).toEqual([3, null]);
}, 20_000);

test('processes that write to one pipe, whose reader is slow, tear no line of each other', async () => {
  const program = `import { batchedLines } from ${moduleUrl('log-batch')};
    import { standardOutput } from ${moduleUrl('cli/standard-output')};
    const log = batchedLines(standardOutput(), { isShared: true });
    const line = String(process.pid).padEnd(599, '.') + '\\n';
    let ticks = 0;
    const timer = setInterval(() => {
      for (let count = 0; count < 20; count += 1) log.write(line);
      ticks += 1;
      if (ticks === 100) clearInterval(timer);
    }, 10);`;
  const node = [process.execPath, '--input-type=module', '--eval', program];
  const twice = ['-c', '"$0" "$@" & "$0" "$@" & wait', ...node];
  const child = spawn('/bin/sh', twice, { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let text = '';
  for await (const chunk of child.stdout) {
    text += String(chunk);
    await sleep(60);
  }
  const lines = text.trimEnd().split('\n');
  expect(lines.filter((line) => !/^\d+\.+$/.test(line) || line.length !== 599)).toEqual([]);
  expect(lines).toHaveLength(4000);
}, 30_000);

const moduleUrl = (name: string) => JSON.stringify(new URL(`../dist/${name}.js`, import.meta.url).href);
const LONGER_MS = 100;
