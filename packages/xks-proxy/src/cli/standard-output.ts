import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * Standard output for somebody who may have to do without it: a pipe that is destroyed keeps the process no longer for the
 * sake of lines that nobody reads, as `process.stdout`, which cannot be destroyed, would. Nothing else may write to that.
 */
export function standardOutput(): Writable {
  const kind = fstatSync(STANDARD_OUTPUT);
  if (!kind.isFIFO() && !kind.isSocket()) return process.stdout;
  try {
    return new Socket({ fd: STANDARD_OUTPUT, readable: false, writable: true }).unref();
  } catch {
    // Node has no stream for a datagram socket.
    return process.stdout;
  }
}

const STANDARD_OUTPUT = 1;
