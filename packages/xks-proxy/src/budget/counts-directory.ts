import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

/** Counts by name, in a folder that several processes share: a file for each of them. */
export interface CountsDirectory {
  /** Replaces the counts of this process. Returns when they are on the disk; throws what the file system throws. */
  write(counts: ReadonlyMap<string, number>): void;
  /** The sum of all other processes, dead or alive. */
  others(): ReadonlyMap<string, number>;
}

/**
 * Opens the folder, and makes it where there is none. A dead process of this machine is followed: its file gets the name
 * of this one's, which is one step that only one process can make, so that no count is ever lost or counted twice.
 *
 * @returns with the counts that were taken over
 */
export function openCountsDirectory(directory: string): {
  readonly counts: CountsDirectory;
  readonly inherited: ReadonlyMap<string, number>;
} {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const own = `${PREFIX}${hostname()}_${process.pid}_${RUN}-${randomBytes(6).toString('hex')}${SUFFIX}`;
  const path = join(directory, own);
  const isHeir = countFiles(directory)
    .filter(isOfDeadProcess)
    .some((file) => isRenamed(join(directory, file), path));
  return {
    counts: {
      write(mine) {
        replace(path, join(directory, `.${own}`), JSON.stringify(Object.fromEntries(mine)));
        syncDirectory(directory);
      },
      others: () => sumOf(directory, own),
    },
    inherited: new Map(isHeir ? Object.entries(read(path) ?? {}) : []),
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
  return readdirSync(directory).filter((file) => file.startsWith(PREFIX) && file.endsWith(SUFFIX));
}

/** Of all files but one. */
function sumOf(directory: string, except?: string): ReadonlyMap<string, number> {
  const sum = new Map<string, number>();
  for (const file of countFiles(directory)) {
    if (file === except) continue;
    const counts = read(join(directory, file));
    // It was taken over a moment ago, and has a name now that is not in the list.
    if (counts === undefined) return sumOf(directory, except);
    for (const [name, count] of Object.entries(counts)) sum.set(name, (sum.get(name) ?? 0) + count);
  }
  return sum;
}

/** The counts in a file; undefined when there is no such file any more. */
function read(file: string): Readonly<Record<string, number>> | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (isAbsence(error)) return undefined;
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
    if (isAbsence(error)) return false;
    throw error;
  }
}

/** Whether the process that wrote a file ran on this machine, and does no more. */
function isOfDeadProcess(file: string): boolean {
  const [host, pid, run] = file.slice(PREFIX.length).split('_');
  if (host !== hostname()) return false;
  // In a container processes have the same few numbers after each start.
  if (Number(pid) === process.pid) return run?.startsWith(RUN) !== true;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
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

/** Of this process, and of no other that has or had its number. */
const RUN = randomBytes(6).toString('hex');
const COUNTS = z.record(z.string(), z.int().min(0));
const PREFIX = 'iv-counts_';
const SUFFIX = '.json';
