import { randomUUID } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { errorCode } from '../error-code.ts';

/** Writes a file that is there whole or not at all, also after the machine has lost its power. */
export async function writeDurably(path: string, bytes: Uint8Array): Promise<void> {
  const draft = `${path}${DRAFT_SUFFIX}`;
  await writeSynced(draft, bytes, 'w');
  await rename(draft, path);
  await syncFolder(dirname(path));
}

/**
 * The same for a file that nobody has made yet, neither now nor meanwhile. Rejects with EEXIST for any other. Where the
 * file system has no hard links, it may be there in part until this resolves, and after a crash in between.
 */
export async function writeNewDurably(path: string, bytes: Uint8Array): Promise<void> {
  const draft = join(dirname(path), `${randomUUID()}${DRAFT_SUFFIX}`);
  try {
    await writeSynced(draft, bytes, 'wx');
    // Unlike a new name, another name takes the place of no file.
    await link(draft, path);
  } catch (error) {
    if (!NO_HARD_LINKS.has(errorCode(error))) throw error;
    // There may be no room for both.
    await rm(draft, { force: true });
    await writeSynced(path, bytes, 'wx');
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(dirname(path));
}

/**
 * Writes a file that only its owner may read, and waits until its content outlives the machine. A new one, of `wx`, is
 * gone again if that fails.
 */
export async function writeSynced(path: string, bytes: Uint8Array, flags: 'w' | 'wx'): Promise<void> {
  const file = await open(path, flags, 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } catch (error) {
    if (flags === 'wx') await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** Makes a folder of its owner's, and those that it is in, unless they are there. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  const outermost = dirname(resolve(first));
  for (let folder = resolve(path); folder !== outermost; folder = dirname(folder)) {
    await syncFolder(dirname(folder));
  }
}

/** Makes what was renamed, made and deleted in a folder outlive the machine. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Of files that were not finished. */
export const DRAFT_SUFFIX = '.draft';
const NO_HARD_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'ENOSYS']);
