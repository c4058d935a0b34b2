import { readFile, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { XksProxyError } from '../proxy-error.ts';
import { createFile } from './replace-file.ts';

/**
 * Does work while nobody else who asks for the same lock does theirs: the file `PATH.lock` stands for it. Waits a few
 * seconds for its turn. Rejects with XksProxyError `FILE_LOCKED`, for example when a process that held the lock was
 * killed: it is not broken, since nobody can know how far that one had come.
 */
export async function withFileLock<T>(
  path: string,
  work: () => Promise<T>,
  { waitMs = 5_000 }: { readonly waitMs?: number } = {},
): Promise<T> {
  const lock = `${path}.lock`;
  const deadlineMs = performance.now() + waitMs;
  while (!(await taken(lock))) {
    if (performance.now() > deadlineMs) throw new XksProxyError('FILE_LOCKED', await heldBy(lock));
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    await rm(lock, { force: true });
  }
}

/** Whether the lock is ours now. */
async function taken(lock: string): Promise<boolean> {
  try {
    await createFile(lock, `${process.pid}\n`);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

async function heldBy(lock: string): Promise<string> {
  const owner = Number(await readFile(lock, 'utf8').catch(() => ''));
  if (owner > 0 && isRunning(owner)) return `${lock} is held by process ${owner}: try again when it is done`;
  return `${lock} was left behind: run doctor, and delete it if no other command is at work`;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

const POLL_MS = 50;
