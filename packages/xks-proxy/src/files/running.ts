import { readFile } from 'node:fs/promises';
import { errorCode } from '../error-code.ts';

/** Whether a process of this machine, of any user, runs. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) !== 'ESRCH';
  }
}

/**
 * A line that tells a live process from all others with its number: when it was started, as Linux counts it. Undefined for a
 * process that is dead, and on other systems.
 */
export async function processLine(pid: string): Promise<string | undefined> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name of the program, in parentheses, may hold anything.
  const [state = '', ...fields] = status.slice(status.lastIndexOf(')') + 2).split(' ');
  const start = fields[START_TIME];
  return start === undefined || DEAD_STATES.includes(state) ? undefined : `${pid} ${start}\n`;
}

/** `starttime` is the 22nd field of proc(5), the state the third. */
const START_TIME = 18;
const DEAD_STATES = ['Z', 'X'];
