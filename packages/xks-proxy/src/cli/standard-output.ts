import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/**
 * Standard output as a stream that can be destroyed: a pipe then does not keep the process alive for lines that no reader
 * takes, as `process.stdout`, which cannot be destroyed, would. Nothing else may write to `process.stdout`.
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
