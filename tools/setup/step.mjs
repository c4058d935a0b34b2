import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** What stops the set-up: a line that says what is wrong, and a line that says what to do about it. */
export class SetupFailure extends Error {
  constructor(message, remedy, options) {
    super(message, options);
    this.name = 'SetupFailure';
    this.remedy = remedy;
  }
}

/** Announces one piece of work, does it, and closes the line with the time it took. */
export function step(title, work) {
  const started = performance.now();
  process.stderr.write(`set-up: ${title} ... `);
  try {
    const result = work();
    process.stderr.write(`${((performance.now() - started) / 1000).toFixed(1)} s\n`);
    return result;
  } catch (error) {
    process.stderr.write('failed\n');
    throw error;
  }
}

/** Runs a program to its end without a terminal: whether it succeeded, and all that it printed. */
export function run(command, args, options = {}) {
  const { status, error, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}${error ? error.message : ''}` };
}

/** Keeps what a failed program printed in `.setup/`, and picks the line that tells most. */
export function record(root, name, output) {
  const file = join('.setup', `${name}.log`);
  writeFileSync(join(root, file), output);
  const lines = output.split('\n').map((line) => line.trim());
  const telling = lines.find((line) => /\berror\b|^E:/i.test(line)) ?? lines.filter(Boolean).at(-1);
  return { file, line: telling ?? 'it printed nothing' };
}
