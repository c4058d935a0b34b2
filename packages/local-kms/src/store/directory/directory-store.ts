import { type FileHandle, open, readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { LocalKmsError } from '../../local-kms-error.ts';
import { errorCode } from '../error-code.ts';
import type { Snapshot, Store, StoreLocation } from '../store.ts';
import { DRAFT_SUFFIX, makeFolder, nameDraft, syncFolder, writeDraft } from './durable-files.ts';
import { type ProcessLock, takeLock } from './process-lock.ts';
import { decodeLog, encodeCommit, encodeSnapshot } from './state-log.ts';

/** How a directory is kept small. */
export interface DirectoryStoreOptions {
  /**
   * How long the log may be, before a new snapshot takes its place. Default 8 MiB. It may always be twice as long as that
   * snapshot, and longer while there is no room for another.
   */
  readonly maxLogBytes?: number;
}

/**
 * Keeps records in a directory, which is made if it is not there: one log, which begins with a snapshot and goes on with
 * commits. A commit is one line, appended and synced to the disk. A new snapshot is the next log, which takes the place of
 * the one before by its number.
 *
 * @throws RangeError for an empty path, and for a length below 0
 */
export function directoryStore(
  folder: string,
  { maxLogBytes = 8_388_608 }: DirectoryStoreOptions = {},
): StoreLocation {
  if (!(maxLogBytes >= 0)) throw new RangeError('maxLogBytes: expected a number of 0 or more');
  // It would mean the working directory of the process, with everything in it.
  if (folder === '') throw new RangeError('folder: expected a path');
  // The path stays the same if the process changes its working directory.
  const path = resolve(folder);
  return {
    async open() {
      return whatFails(path, async () => {
        await makeFolder(path);
        const lock = await takeLock(join(path, LOCK_NAME));
        try {
          const log = await openNewestLog(path);
          return storeOf(path, { log, maxLogBytes, lock });
        } catch (error) {
          await lock.release();
          throw error;
        }
      });
    },
    read: () => whatFails(path, () => readNewestLog(path)),
  };
}

interface OpenLog {
  readonly number: number;
  /** undefined in a store that is new. */
  readonly file: FileHandle | undefined;
  readonly bytes: number;
  /** The length of a snapshot of the log at the time when it was opened. */
  readonly snapshotBytes: number;
}

interface StoreParts {
  readonly log: OpenLog;
  readonly maxLogBytes: number;
  readonly lock: ProcessLock;
}

function storeOf(path: string, { log: opened, maxLogBytes, lock }: StoreParts): Store {
  let log = opened;
  const lengthToCompact = ({ snapshotBytes }: OpenLog): number => Math.max(maxLogBytes, 2 * snapshotBytes);
  let maxBytes = lengthToCompact(log);

  /** Writes the next log, without a name yet: the log that has one goes on. */
  const draftNext = async (snapshot: Snapshot): Promise<OpenLog> => {
    const bytes = encodeSnapshot(snapshot);
    const number = log.number + 1;
    const file = await writeDraft(logPath(path, number), bytes);
    return { number, file, bytes: bytes.length, snapshotBytes: bytes.length };
  };
  /** Puts the next log in the place of this one. A failure here is fatal: a crash could then leave either of both. */
  const goOnWith = async (next: OpenLog): Promise<void> => {
    const { file, number } = log;
    log = next;
    maxBytes = lengthToCompact(log);
    try {
      await nameDraft(logPath(path, next.number));
    } catch (error) {
      // Neither log may be appended to any more.
      log = { ...next, file: undefined };
      await next.file?.close();
      throw error;
    } finally {
      await file?.close();
    }
    if (!file) return;
    await rm(logPath(path, number));
  };
  /** Without room for a snapshot, the log is kept, and compacted when it has grown by half. */
  const compact = async (): Promise<void> => {
    const snapshot = await readNewestLog(path);
    if (!snapshot) throw new LocalKmsError('STATE_CORRUPT', `${path} has lost its log`);
    const next = await draftNext(snapshot).catch((error: unknown) => {
      if (!NO_ROOM.has(errorCode(error))) throw error;
      return undefined;
    });
    if (next) await goOnWith(next);
    else maxBytes = 1.5 * log.bytes;
  };

  return {
    read: () => whatFails(path, () => readNewestLog(path)),
    begin: (snapshot) =>
      whatFails(path, async () => {
        if (log.file) throw new LocalKmsError('STATE_EXISTS', `${path} holds the state of a KMS already`);
        await lock.assertHeld();
        await goOnWith(await draftNext(snapshot));
      }),
    commit: (version, changes) =>
      whatFails(path, async () => {
        const { file, bytes } = log;
        if (!file) throw new TypeError('store: expected one that was begun');
        const line = encodeCommit(version, changes);
        await lock.assertHeld();
        await file.appendFile(line);
        await file.datasync();
        log = { ...log, bytes: bytes + line.length };
        if (log.bytes > maxBytes) await compact();
      }),
    async close() {
      await log.file?.close();
      await lock.release();
    },
  };
}

/** Opens the newest log to append to it, and removes what a crash may have left. */
async function openNewestLog(path: string): Promise<OpenLog> {
  const names = await readdir(path);
  const drafts = names.filter((name) => name.endsWith(DRAFT_SUFFIX));
  const numbers = logNumbers(names);
  const number = numbers.at(-1);
  if (number === undefined) {
    for (const name of drafts) await rm(join(path, name));
    return { number: 0, file: undefined, bytes: 0, snapshotBytes: 0 };
  }
  const log = await readFile(logPath(path, number));
  const { snapshot, bytes } = decodeLog(log);
  for (const name of drafts) await rm(join(path, name));
  for (const older of numbers.slice(0, -1)) await rm(logPath(path, older));
  const file = await open(logPath(path, number), 'a');
  if (bytes < log.length) await file.truncate(bytes);
  await file.sync();
  await syncFolder(path);
  return { number, file, bytes, snapshotBytes: encodeSnapshot(snapshot).length };
}

/** A log that is gone by the time that it is opened has a successor. */
async function readNewestLog(path: string): Promise<Snapshot | undefined> {
  for (let attempt = 1; ; attempt += 1) {
    const number = logNumbers(await namesIn(path)).at(-1);
    if (number === undefined) return undefined;
    try {
      return decodeLog(await readFile(logPath(path, number))).snapshot;
    } catch (error) {
      if (errorCode(error) !== 'ENOENT' || attempt === MAX_ATTEMPTS) throw error;
    }
  }
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** The numbers of logs, in ascending order. */
function logNumbers(names: readonly string[]): readonly number[] {
  return names
    .flatMap((name) => LOG_NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

function logPath(path: string, number: number): string {
  return join(path, `state-${number}.log`);
}

async function whatFails<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = errorCode(cause);
    if (cause instanceof LocalKmsError || code === undefined) throw cause;
    throw new LocalKmsError('STORE_UNAVAILABLE', `${path}: ${code}`, { cause });
  }
}

const LOG_NAME = /^state-(\d{1,15})\.log$/;
const LOCK_NAME = 'lock';
const NO_ROOM: ReadonlySet<string | undefined> = new Set(['ENOSPC', 'EDQUOT']);
const MAX_ATTEMPTS = 5;
