import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { type FileHandle, open, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '../error-code.ts';
import { XksProxyError } from '../proxy-error.ts';

/**
 * Replaces the content of a file, whole or not at all, also when the machine stops in between: the text is on the disk
 * before it gets the name. A new file is for its owner alone (mode 600). A link stays, and its target is replaced.
 *
 * @param permissions `kept`: owner, group and permissions stay; rejects with XksProxyError `CHANGE_REFUSED` if they cannot,
 *   unless it is only a group without permissions. `new`: they are those of a new file
 */
export async function replaceFile(
  path: string,
  text: string,
  permissions: Permissions = 'kept',
): Promise<void> {
  const { draft, target } = await writeDraft(path, text, permissions);
  try {
    await rename(draft, target);
  } catch (error) {
    // If a file cannot be renamed, it may be impossible to remove one too.
    await rm(draft, { force: true }).catch(() => undefined);
    throw error;
  }
  await synchronized(dirname(target));
}

/** Does all of `replaceFile` except the last step, and leaves nothing behind: rejects if the file cannot be replaced now. */
export async function tryReplacing(path: string, text: string): Promise<void> {
  const { draft } = await writeDraft(path, text, 'kept');
  await rm(draft, { force: true });
}

/**
 * Writes a file that must not exist yet, for its owner alone. Rejects with `EEXIST` if it exists. A failure leaves no file;
 * a process that is killed may leave a part of one.
 *
 * @param like a file for the same reader, such as the user of the proxy: the new file gets its owner and group, and the
 *   group can read it if root owns it. Rejects with XksProxyError `CHANGE_REFUSED` if that is impossible
 */
export async function createFile(path: string, text: string | Uint8Array, like?: string): Promise<void> {
  await written(path, async (file) => {
    if (like !== undefined) await giveTo(file, forReaderOf(await stat(like)), like);
    await file.writeFile(text);
    await synchronized(dirname(path));
  });
}

/** Writes files by path, as `createFile` does: all or none. Rejects with XksProxyError `CHANGE_REFUSED` if one exists. */
export async function createFiles(texts: ReadonlyMap<string, string>): Promise<void> {
  const made: string[] = [];
  for (const [path, text] of texts) {
    try {
      await createFile(path, text);
      made.push(path);
    } catch (cause) {
      for (const file of made) await rm(file, { force: true });
      if (errorCode(cause) !== 'EEXIST') throw cause;
      const text = `${path} is there already, and is not replaced: choose another place`;
      throw new XksProxyError('CHANGE_REFUSED', text, { cause });
    }
  }
}

type Permissions = 'kept' | 'new';

/** Writes the draft that is to replace a file: for a link, beside its target. */
async function writeDraft(
  path: string,
  text: string,
  permissions: Permissions,
): Promise<{ readonly draft: string; readonly target: string }> {
  const before = await stat(path).catch(absent);
  const target = before === undefined ? path : await realpath(path);
  const draft = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}`);
  await written(draft, async (file) => {
    if (before !== undefined && permissions === 'kept') await giveTo(file, before, path);
    await file.writeFile(text);
  });
  return { draft, target };
}

async function written(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, 'wx', OWNER_ALONE);
  try {
    await write(file);
    await file.sync();
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/**
 * Gives a file the owner, the group and the permissions of the file at a path: otherwise the user of the proxy could not
 * read it any more after a change by root, or by an owner from outside its group.
 */
async function giveTo(file: FileHandle, { uid, gid, mode }: Ownership, path: string): Promise<void> {
  const own = await file.stat();
  if (own.uid !== uid || own.gid !== gid) {
    try {
      await file.chown(uid, gid);
    } catch (cause) {
      if (errorCode(cause) !== 'EPERM') throw cause;
      if (own.uid !== uid || (mode & GROUP_PERMISSIONS) !== 0) {
        const text = `${path} would be lost to its owner or its group: run this as root, or as an owner who is in that group`;
        throw new XksProxyError('CHANGE_REFUSED', text, { cause });
      }
    }
  }
  await file.chmod(mode & PERMISSIONS);
}

type Ownership = Pick<Stats, 'uid' | 'gid' | 'mode'>;

/**
 * Ownership and mode of a new secret for the reader of another file: its owner, and its group too if root owns the file for
 * another group. The other file may hold no secret and be world-readable; the secret never is.
 */
function forReaderOf({ uid, gid, mode }: Stats): Ownership {
  const isReadByGroup = uid === ROOT && gid !== ROOT;
  return { uid, gid, mode: OWNER_ALONE | (isReadByGroup ? mode & GROUP_READS : 0) };
}

/** Writes a folder to the disk: only then are the names in it safe. */
export async function synchronized(directory: string): Promise<void> {
  const folder = await open(directory, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function absent(error: unknown): undefined {
  if (errorCode(error) === 'ENOENT') return undefined;
  throw error;
}

const PERMISSIONS = 0o777;
const OWNER_ALONE = 0o600;
const GROUP_PERMISSIONS = 0o070;
const GROUP_READS = 0o040;
const ROOT = 0;
