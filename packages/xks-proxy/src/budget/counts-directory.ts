import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { errorCode } from '../error-code.ts';
import { isRunning } from '../files/running.ts';
import { XksProxyError } from '../proxy-error.ts';

/** What to do about a file whose counts cannot be read: without it, keys seem to have encrypted less than they have. */
export const DAMAGED_COUNTS_REMEDY =
  'stop the proxies that use the folder, move the file elsewhere, start them, and `keys rotate` each key';

/** Counts by name, in a folder that several processes share: each process has a file. */
export interface CountsDirectory {
  /** Replaces the counts of this process. Returns when they are on the disk; throws the error of the file system. */
  write(counts: ReadonlyMap<string, number>): void;
  /** As `write`, for the last time: the next process to start, on any machine, goes on with these counts. */
  leave(counts: ReadonlyMap<string, number>): void;
  /** The sum of all other processes, dead or alive. Throws XksProxyError `CONFIG_INVALID` for a file that is damaged. */
  others(): ReadonlyMap<string, number>;
}

/**
 * Opens the folder, and makes it if it does not exist. A file that was left, closed by its process or of a dead process of
 * this machine, gets the name of this process's file: that is one step, and only one process can do it, so that no count is
 * ever lost or counted twice.
 *
 * @returns also the counts that were taken over, once they are written: a folder that cannot be written to throws at once, and so does a
 *   file of it that is damaged, with XksProxyError `CONFIG_INVALID`
 */
export function openCountsDirectory(directory: string): {
  readonly counts: CountsDirectory;
  readonly inherited: ReadonlyMap<string, number>;
} {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const id = `${RUN}-${randomBytes(6).toString('hex')}`;
  const own = `${PREFIX}${HOST}_${process.pid}_${id}${SUFFIX}`;
  const path = join(directory, own);
  const write = (counts: ReadonlyMap<string, number>): void => {
    replace(path, join(directory, `.${own}`), JSON.stringify(Object.fromEntries(counts)));
    syncDirectory(directory);
  };
  countFiles(directory)
    .filter(isLeft)
    .some((file) => {
      const left = join(directory, file);
      // Before it is renamed: a damaged file keeps the name by which logs and backups know it.
      read(left);
      return tryRename(left, path);
    });
  const inherited = new Map(Object.entries(read(path) ?? {}));
  write(inherited);
  return {
    counts: {
      write,
      leave(counts) {
        write(counts);
        renameSync(path, join(directory, `${PREFIX}closed_${id}${SUFFIX}`));
      },
      others: () => sumOf(directory, own),
    },
    inherited,
  };
}

/**
 * The sum of all processes, dead or alive, without opening the folder; empty if it does not exist yet. Throws XksProxyError
 * `CONFIG_INVALID` for a file that is damaged, and the error of the file system.
 */
export function readCounts(directory: string): ReadonlyMap<string, number> {
  return existsSync(directory) ? sumOf(directory) : new Map();
}

/** Replaces the content of a file, whole or not at all, by way of a draft. */
function replace(path: string, draft: string, text: string): void {
  try {
    const file = openSync(draft, 'w', 0o600);
    try {
      // Not writeSync, which on a disk that becomes full writes a part and reports success.
      writeFileSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

function countFiles(directory: string): string[] {
  return readdirSync(directory)
    .filter((file) => file.startsWith(PREFIX) && file.endsWith(SUFFIX))
    .sort();
}

/** The sum of the counts of all files except one. */
function sumOf(directory: string, except?: string): ReadonlyMap<string, number> {
  const files = countFiles(directory);
  const all = files.filter((file) => file !== except).map((file) => read(join(directory, file)));
  // A file that was renamed meanwhile may have been missed under both names.
  const isMoved = all.includes(undefined) || countFiles(directory).join() !== files.join();
  if (isMoved) return sumOf(directory, except);
  const sum = new Map<string, number>();
  for (const [name, count] of all.flatMap((counts) => Object.entries(counts ?? {})))
    sum.set(name, (sum.get(name) ?? 0) + count);
  return sum;
}

/** The counts in a file; undefined if the file is gone. Throws XksProxyError `CONFIG_INVALID` for anything but counts. */
function read(file: string): Readonly<Record<string, number>> | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return COUNTS.parse(JSON.parse(text));
  } catch (cause) {
    const what = `iv_budget.state_dir: ${file} is damaged, and what it counted is not known any more`;
    throw new XksProxyError('CONFIG_INVALID', what, { cause });
  }
}

/** Renames a file; returns whether this process did, and not another one. */
function tryRename(file: string, name: string): boolean {
  try {
    renameSync(file, name);
    return true;
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    // NFS fails in the same way if it has renamed the file, but the answer to the first request was lost.
    return existsSync(name);
  }
}

/** Whether no process writes to a file any more, as far as this process can tell. */
function isLeft(file: string): boolean {
  if (CLOSED.test(file)) return true;
  const [, host, pid, run] = OWNED.exec(file) ?? [];
  if (host !== HOST) return false;
  // After a restart of a container or of the machine, an earlier process may have had the number of this one.
  return Number(pid) === process.pid ? run?.startsWith(RUN) !== true : !isRunning(Number(pid));
}

// A new name is on the disk only when its folder is.
function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** This machine, with the PID namespace if there is one: containers may share a host name, and each has a process 1. */
function hostAndPidNamespace(): string {
  try {
    const [namespace] = /\d+/.exec(readlinkSync('/proc/self/ns/pid')) ?? [];
    return namespace === undefined ? hostname() : `${hostname()}@${namespace}`;
  } catch {
    return hostname();
  }
}

const HOST = hostAndPidNamespace();
/** A part of the file name that no other process with the same number has or had. */
const RUN = randomBytes(6).toString('hex');
const COUNTS = z.record(z.string(), z.int().min(0));
const PREFIX = 'iv-counts_';
const SUFFIX = '.json';
/** The file of a process that runs or was killed: its host, which may have any name, its number, and its run. */
const OWNED = /^iv-counts_(.+)_(\d+)_([^_]+)\.json$/;
/** The file of a process that has closed it. Versions without this name count it as a file of another machine. */
const CLOSED = /^iv-counts_closed_[^_]+\.json$/;
