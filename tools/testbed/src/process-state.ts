import { readFileSync } from 'node:fs';

/**
 * Whether a process runs. One that has ended does not, though its parent may never wait for it: an orphan is left to the first
 * process of a container, which is seldom one that does.
 */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !/^State:\t[ZX]/m.test(statusOf(pid));
}

/** Empty where there is no /proc, and for a process that has gone meanwhile. */
function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}
