import { cpus, loadavg } from 'node:os';

/** What the figures were measured with. */
export const MACHINE = `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`;

/** How many others wanted the processors when the run began. */
export const LOAD_AT_START = loadavg()[0] ?? 0;

/** Whether they left some for it: what is measured on a busy machine is not recorded. */
export const IS_QUIET = LOAD_AT_START <= cpus().length;
