import { createHash, randomUUID } from 'node:crypto';
import { link, readFile, rm, stat } from 'node:fs/promises';
import { LocalKmsError } from '../../local-kms-error.ts';
import { errorCode } from '../error-code.ts';
import { writeSynced } from './durable-files.ts';
import { hasEnded, type LockHolder, lockHolder, thisProcess } from './lock-holder.ts';

/** A lock that one process has. */
export interface ProcessLock {
  /** Rejects with LocalKmsError `STATE_IN_USE` if the file was removed by hand since. */
  assertHeld(): Promise<void>;
  /** Removes the file, if it is still ours. */
  release(): Promise<void>;
}

/**
 * Takes a lock file for this process. One that a process of this machine has left behind, killed for example, is taken
 * over; that of another machine or container is not, since its process cannot be examined from here.
 * Rejects with LocalKmsError `STATE_IN_USE`.
 */
export async function takeLock(path: string): Promise<ProcessLock> {
  const own = `${path}.${randomUUID()}`;
  const text = JSON.stringify(thisProcess());
  await writeSynced(own, Buffer.from(text, 'utf8'));
  const ours = await identityOf(own);
  try {
    await take(path, own);
  } finally {
    await rm(own);
  }
  const isHeld = async (): Promise<boolean> => (await identityOf(path)) === ours;
  return {
    async assertHeld() {
      if (!(await isHeld())) throw new LocalKmsError('STATE_IN_USE', `${path} is not ours any more`);
    },
    async release() {
      if (await isHeld()) await rm(path);
    },
  };
}

async function take(path: string, own: string): Promise<void> {
  if (await linked(own, path)) return;
  const text = await textOf(path);
  if (text !== undefined) await removeStale(path, text, own);
  if (!(await linked(own, path))) throw inUse(path);
}

/**
 * Removes a lock whose process has ended. Of several that come to do so, one at a time looks whether it is still there: the
 * one that has the lock which is named after it. Should that one end on the way, its lock is taken over in turn.
 */
async function removeStale(path: string, text: string, own: string): Promise<void> {
  const holder = lockHolder.safeParse(parsedJson(text)).data;
  if (!holder || !hasEnded(holder)) throw inUse(path, holder);
  const successor = `${path}.after-${createHash('sha256').update(text).digest('hex')}`;
  await take(successor, own);
  try {
    if ((await textOf(path)) === text) await rm(path);
  } finally {
    await rm(successor);
  }
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

/** What tells a file from any other, also from a later one of the same number; undefined if there is none. */
async function identityOf(path: string): Promise<string | undefined> {
  const status = await unlessMissing(stat(path, { bigint: true }));
  return status && `${status.ino} ${status.mtimeNs}`;
}

function textOf(path: string): Promise<string | undefined> {
  return unlessMissing(readFile(path, 'utf8'));
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function inUse(path: string, holder?: LockHolder): LocalKmsError {
  const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
  const message = `${path} is held by ${who}; if that has ended, delete the file`;
  return new LocalKmsError('STATE_IN_USE', message);
}
