import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, readFile, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';
import { LocalKmsError } from '../../local-kms-error.ts';
import { errorCode } from '../error-code.ts';
import { writeSynced } from './durable-files.ts';

/** A lock that one process has. */
export interface ProcessLock {
  release(): Promise<void>;
}

/**
 * Takes a lock file for this process. One that a process of this machine has left behind, killed for example, is taken
 * over; that of another machine or container is not, since nobody can see from here whether its process lives.
 * Rejects with LocalKmsError `STATE_IN_USE`.
 */
export async function takeLock(path: string): Promise<ProcessLock> {
  const own = `${path}.${randomUUID()}`;
  const text = JSON.stringify({ host: hostname(), pid: process.pid, started: startOf(process.pid) });
  await writeSynced(own, Buffer.from(text, 'utf8'), 'wx');
  try {
    if (!(await linked(own, path))) {
      await removeStale(path);
      if (!(await linked(own, path))) throw inUse(path, 'another process');
    }
  } finally {
    await rm(own);
  }
  return { release: () => rm(path, { force: true }) };
}

/** Whether the lock is ours now: a link is made whole, with its content, or not at all. */
async function linked(own: string, path: string): Promise<boolean> {
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

async function removeStale(path: string): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return;
  const holder = holderSchema.safeParse(parsedJson(text)).data;
  if (!holder || holder.host !== hostname() || startOf(holder.pid) === holder.started) {
    throw inUse(path, holder ? `process ${holder.pid} on ${holder.host}` : 'an unknown process');
  }
  // Somebody else may have taken it over since it was read. Moved away, it cannot change any more.
  const aside = `${path}.${randomUUID()}`;
  await rename(path, aside).catch(() => undefined);
  const moved = await readFile(aside, 'utf8').catch(() => undefined);
  if (moved !== undefined && moved !== text) {
    await link(aside, path).catch(() => undefined);
    await rm(aside);
    throw inUse(path, 'another process');
  }
  await rm(aside, { force: true });
}

/**
 * What tells a process from a later one of the same id: the boot of the machine, and when it started after that.
 * Undefined if there is no such process; without /proc, all that can be seen is that there is one.
 */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (errorCode(error) !== 'EPERM') return undefined;
  }
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in parentheses, may hold anything. After it, the start is the twentieth (proc(5)).
    const start = status.slice(status.lastIndexOf(')') + 2).split(' ')[19];
    return `${boot} ${start}`;
  } catch {
    return 'running';
  }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function inUse(path: string, holder: string): LocalKmsError {
  const message = `${path} is held by ${holder}; if that has ended, delete the file`;
  return new LocalKmsError('STATE_IN_USE', message);
}

const holderSchema = z.strictObject({ host: z.string(), pid: z.int().min(1), started: z.string() });
