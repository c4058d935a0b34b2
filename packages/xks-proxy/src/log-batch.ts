import type { Writable } from 'node:stream';
import type { LogStream } from './log.ts';

/** How lines may be batched. */
export interface BatchOptions {
  /**
   * Whether other processes write to the stream too. Then lines go out in writes of up to 4 KiB, one after the other, which
   * a pipe takes whole or not at all: only a longer line may be torn.
   */
  readonly isShared: boolean;
}

/**
 * A log stream that writes the lines of 25 ms at once: for a pipe each write is a system call, and wakes its reader. Lines
 * that are left when the process ends are written then, also after an uncaught exception. Only the last lines of a process
 * that is killed, or crashes outside of JavaScript, are lost. When the reader has stalled, and 16 MiB wait for it, the
 * stream is destroyed with an error.
 */
export function batchedLines(stream: Writable, { isShared }: BatchOptions): LogStream {
  const maxBytes = isShared ? PIPE_BUF : Number.POSITIVE_INFINITY;
  const batches: Batch[] = [];
  let unreadBytes = 0;
  let isWaiting = false;
  let isWriting = false;
  // The next batch is written when the one before it is done: the stream would join batches that it has to buffer.
  const writeNext = (): void => {
    const batch = batches.shift();
    isWriting = batch !== undefined;
    if (batch === undefined) return;
    stream.write(batch.lines, () => {
      unreadBytes -= batch.bytes;
      writeNext();
    });
  };
  const flush = (): void => {
    isWaiting = false;
    if (!isWriting) writeNext();
    if (unreadBytes > MAX_UNREAD_BYTES) stream.destroy(new Error('nobody reads it'));
  };
  process.on('exit', () => {
    for (const { lines } of batches.splice(0)) stream.write(lines);
  });
  return {
    write(line) {
      const bytes = Buffer.byteLength(line);
      unreadBytes += bytes;
      const last = batches.at(-1);
      if (last !== undefined && last.bytes + bytes <= maxBytes) {
        last.lines += line;
        last.bytes += bytes;
      } else {
        batches.push({ lines: line, bytes });
      }
      if (isWaiting) return;
      isWaiting = true;
      setTimeout(flush, MAX_AGE_MS);
    },
  };
}

interface Batch {
  lines: string;
  bytes: number;
}

const MAX_AGE_MS = 25;
// On Linux, see pipe(7); POSIX only promises 512.
const PIPE_BUF = 4096;
const MAX_UNREAD_BYTES = 2 ** 24;
