import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Occupies all threads of libuv's pool, so that a call into the token has to wait, until the returned function is called:
 * opening a pipe blocks until its other end is opened.
 */
export function occupyThreads(): () => Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-pipe-'));
  const pipe = join(directory, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const openings = Array.from({ length: THREADS }, async () => open(pipe, 'r'));
  return async () => {
    const end = openSync(pipe, 'r+');
    for (const opening of openings) await (await opening).close();
    closeSync(end);
    rmSync(directory, { recursive: true });
  };
}

const THREADS = 4;
