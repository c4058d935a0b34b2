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
  writeSync,
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
 * Opens the folder, and makes it where there is none. What dead processes of this machine have left is taken over into
 * the file of this one; a crash at the wrong moment can only count twice.
 *
 * @returns with the counts that were taken over
 */
export function openCountsDirectory(directory: string): {
  readonly counts: CountsDirectory;
  readonly inherited: ReadonlyMap<string, number>;
} {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const own = `${PREFIX}${hostname()}_${process.pid}_${randomBytes(6).toString('hex')}${SUFFIX}`;
  const files = () => countFiles(directory);
  const counts: CountsDirectory = {
    write(mine) {
      const temporary = join(directory, `.${own}`);
      const file = openSync(temporary, 'w', 0o600);
      try {
        writeSync(file, JSON.stringify(Object.fromEntries(mine)));
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(temporary, join(directory, own));
      syncDirectory(directory);
    },
    others: () =>
      sumOf(
        directory,
        files().filter((file) => file !== own),
      ),
  };
  const dead = files().filter(isOfDeadProcess);
  const inherited = sumOf(directory, dead);
  if (dead.length > 0) {
    counts.write(inherited);
    for (const file of dead) rmSync(join(directory, file), { force: true });
  }
  return { counts, inherited };
}

/** The sum of all processes, dead or alive, for somebody who only looks; empty where the folder is not there yet. */
export function readCounts(directory: string): ReadonlyMap<string, number> {
  return existsSync(directory) ? sumOf(directory, countFiles(directory)) : new Map();
}

function countFiles(directory: string): string[] {
  return readdirSync(directory).filter((file) => file.startsWith(PREFIX) && file.endsWith(SUFFIX));
}

function sumOf(directory: string, files: readonly string[]): ReadonlyMap<string, number> {
  const sum = new Map<string, number>();
  for (const file of files) {
    for (const [name, count] of Object.entries(read(join(directory, file)))) {
      sum.set(name, (sum.get(name) ?? 0) + count);
    }
  }
  return sum;
}

function read(file: string): Readonly<Record<string, number>> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    // Taken over by another process a moment ago, in whose file the counts are now.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {};
    throw error;
  }
  return COUNTS.parse(JSON.parse(text));
}

/** Whether the process that wrote a file ran on this machine, and does no more. */
function isOfDeadProcess(file: string): boolean {
  const [host, pid] = file.slice(PREFIX.length).split('_');
  if (host !== hostname() || Number(pid) === process.pid) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH';
  }
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

const COUNTS = z.record(z.string(), z.int().min(0));
const PREFIX = 'iv-counts_';
const SUFFIX = '.json';
