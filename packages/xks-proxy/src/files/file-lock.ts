import { existsSync, realpathSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { errorCode } from '../error-code.ts';
import { XksProxyError } from '../proxy-error.ts';
import { createFile } from './replace-file.ts';
import { isRunning, processLine } from './running.ts';

/**
 * Does work on a file under its lock, the file of `lockOf`: no other holder of the lock works on it at the same time, also by
 * another link to it. Waits a few seconds for its turn. Rejects with XksProxyError `FILE_LOCKED`, for example when a process
 * was killed while it held the lock: the lock is not broken, since nothing tells how far that process had come.
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  { waitMs = 5_000 }: { readonly waitMs?: number } = {},
): Promise<T> {
  const lock = lockOf(path);
  const deadlineMs = performance.now() + waitMs;
  while (!(await tryLock(lock))) {
    if (performance.now() > deadlineMs) throw new XksProxyError('FILE_LOCKED', await heldBy(lock));
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

/** The lock of a file: for a link, beside its target, which is what changes. */
export function lockOf(path: string): string {
  return `${existsSync(path) ? realpathSync(path) : path}.lock`;
}

/** Takes a lock; resolves to whether this process has it now. */
async function tryLock(lock: string): Promise<boolean> {
  try {
    await createFile(lock, (await processLine(`${process.pid}`)) ?? `${process.pid}\n`);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function heldBy(lock: string): Promise<string> {
  const content = await readFile(lock, 'utf8').catch(() => '');
  const [, owner = ''] = /^(\d+)\b/.exec(content) ?? [];
  const held = `${lock} is held by process ${owner}: try again when it is done`;
  if (owner !== '' && content === (await processLine(owner))) return held;
  // Without the time of its start, by an earlier version or on another system, it may be another process with its number.
  if (content === `${owner}\n` && Number(owner) > 0 && isRunning(Number(owner)))
    return `${held}, or, if that is another program, delete it`;
  return `${lock} was left behind: run doctor, and delete it if no other command is at work`;
}

const POLL_MS = 50;
