import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** What a process holds and has used (Linux). */
export interface ProcessUsage {
  readonly rssBytes: number;
  readonly descriptors: number;
  /** Processor time of all its threads so far. */
  readonly cpuMs: number;
}

/** Reads it from the kernel, so that the process itself does nothing for it. */
export function processUsage(pid: number): ProcessUsage {
  // The name of the program may hold blanks; what is wanted comes behind it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .replace(/^.*\) /, '')
    .split(' ');
  const [utime = 0, stime = 0] = fields.slice(11, 13).map(Number);
  return {
    rssBytes: Number(fields[21]) * PAGE_BYTES,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    cpuMs: ((utime + stime) * 1000) / TICKS_PER_SECOND,
  };
}

const PAGE_BYTES = Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }));
const TICKS_PER_SECOND = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
