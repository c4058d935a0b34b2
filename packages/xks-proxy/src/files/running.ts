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
