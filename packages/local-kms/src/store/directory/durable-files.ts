import { randomUUID } from 'node:crypto';
import { type FileHandle, link, mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { errorCode } from '../error-code.ts';

/**
 * Writes the draft of a file, which only its owner may read, and waits until its content outlives the machine. Returns it
 * open, to be appended to. A draft that cannot be written is gone again.
 */
export async function writeDraft(path: string, bytes: Uint8Array): Promise<FileHandle> {
  const draft = `${path}${DRAFT_SUFFIX}`;
  const file = await open(draft, 'a', 0o600);
  try {
    // An earlier draft may be left that could not be removed.
    await file.truncate();
    await file.writeFile(bytes);
    await file.sync();
    return file;
  } catch (error) {
    await file.close();
    await rm(draft, { force: true });
    throw error;
  }
}

/** Gives a draft its name: the file is there whole or not at all, also after the machine has lost its power. */
export async function nameDraft(path: string): Promise<void> {
  await rename(`${path}${DRAFT_SUFFIX}`, path);
  await syncFolder(dirname(path));
}

/**
 * Writes a new file, whole or not at all. Rejects with EEXIST if there is one, also if another process makes it meanwhile. On
 * a file system without hard links, the file may be there in part until this resolves, and after a crash in between.
 */
export async function writeNewDurably(path: string, bytes: Uint8Array): Promise<void> {
  const draft = join(dirname(path), `${randomUUID()}${DRAFT_SUFFIX}`);
  try {
    await writeSynced(draft, bytes);
    // Unlike rename, link does not replace an existing file.
    await link(draft, path);
  } catch (error) {
    if (!NO_HARD_LINKS.has(errorCode(error))) throw error;
    // There may be no room for both.
    await rm(draft, { force: true });
    await writeSynced(path, bytes);
  } finally {
    await rm(draft, { force: true });
  }
  await syncFolder(dirname(path));
}

/**
 * Writes a new file that only its owner may read, and waits until its content outlives the machine. It is gone again if that
 * fails. Rejects with EEXIST for a file that is there.
 */
export async function writeSynced(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(bytes);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** Makes a folder that only its owner may use, and those that it is in, unless they exist. */
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

/** The end of the names of files that are not finished. */
export const DRAFT_SUFFIX = '.draft';
const NO_HARD_LINKS: ReadonlySet<string | undefined> = new Set(['EPERM', 'ENOTSUP', 'ENOSYS']);
