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
import { errorCode } from '../files/error-code.ts';
import { isRunning } from '../files/running.ts';

/** Counts by name, in a folder that several processes share: a file for each of them. */
export interface CountsDirectory {
  /** Replaces the counts of this process. Returns when they are on the disk; throws what the file system throws. */
  write(counts: ReadonlyMap<string, number>): void;
  /** As `write`, for the last time: whoever starts next, on whatever machine, goes on with them. */
  leave(counts: ReadonlyMap<string, number>): void;
  /** The sum of all other processes, dead or alive. */
  others(): ReadonlyMap<string, number>;
}

/**
 * Opens the folder, and makes it where there is none. A file that is left, by a process that has closed it or a dead one of
 * this machine, gets the name of this process's: that is one step, and only one process can make it, so that no count is ever
 * lost or counted twice.
 *
 * @returns with the counts that were taken over, once they are written: who cannot write to the folder is told at once
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
    .some((file) => isRenamed(join(directory, file), path));
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

/** The sum of all processes, dead or alive, for somebody who only looks; empty where the folder is not there yet. */
export function readCounts(directory: string): ReadonlyMap<string, number> {
  return existsSync(directory) ? sumOf(directory) : new Map();
}

/** Gives a file another content, whole or not at all, by way of a draft. */
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

/** Of all files but one. */
function sumOf(directory: string, except?: string): ReadonlyMap<string, number> {
  const files = countFiles(directory);
  const all = files.filter((file) => file !== except).map((file) => read(join(directory, file)));
  // A file that got another name meanwhile may have been missed under both.
  const isMoved = all.includes(undefined) || countFiles(directory).join() !== files.join();
  if (isMoved) return sumOf(directory, except);
  const sum = new Map<string, number>();
  for (const [name, count] of all.flatMap((counts) => Object.entries(counts ?? {})))
    sum.set(name, (sum.get(name) ?? 0) + count);
  return sum;
}

/** The counts in a file; undefined when there is no such file any more. */
function read(file: string): Readonly<Record<string, number>> | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  return COUNTS.parse(JSON.parse(text));
}

/** Gives a file another name, unless somebody else has done so. */
function isRenamed(file: string, name: string): boolean {
  try {
    renameSync(file, name);
    return true;
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    // NFS says so too where it has done it, and the answer to the first request was lost.
    return existsSync(name);
  }
}

/** Whether nobody writes to a file any more, as far as can be told from here. */
function isLeft(file: string): boolean {
  if (CLOSED.test(file)) return true;
  const [, host, pid, run] = OWNED.exec(file) ?? [];
  if (host !== HOST) return false;
  // In a container processes have the same few numbers after each start.
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

/** This machine, with the PID namespace if it says one: containers may share a host name, and each has a process 1. */
function hostAndPidNamespace(): string {
  try {
    const [namespace] = /\d+/.exec(readlinkSync('/proc/self/ns/pid')) ?? [];
    return namespace === undefined ? hostname() : `${hostname()}@${namespace}`;
  } catch {
    return hostname();
  }
}

const HOST = hostAndPidNamespace();
/** Of this process, and of no other that has or had its number. */
const RUN = randomBytes(6).toString('hex');
const COUNTS = z.record(z.string(), z.int().min(0));
const PREFIX = 'iv-counts_';
const SUFFIX = '.json';
/** Of a process that runs or did not end well: its host, which may have any name, its number, and its run. */
const OWNED = /^iv-counts_(.+)_(\d+)_([^_]+)\.json$/;
/** Of one that has closed it. Versions of this program that do not know of it count it as that of another machine. */
const CLOSED = /^iv-counts_closed_[^_]+\.json$/;
