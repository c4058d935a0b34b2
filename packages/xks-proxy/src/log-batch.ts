import type { Writable } from 'node:stream';
import type { LogStream } from './log.ts';

/** Whose the stream is. */
export interface BatchOptions {
  /**
   * Whether other processes write to it too. Then lines go out in writes of up to 4 KiB, one after the other, which a pipe
   * takes whole or not at all: none is torn but a longer one.
   */
  readonly isShared: boolean;
}

/**
 * A stream that gets the lines of 25 ms in one write: for a pipe each write is a system call, and wakes its
 * reader. What is left when the process ends is written then, also after an exception that nobody caught. Lost are only
 * the last lines of a process that is killed or crashes outside of JavaScript. A stream whose reader has stalled, so that
 * 16 MiB wait for it, is destroyed with an error.
 */
export function batchedLines(stream: Writable, { isShared }: BatchOptions): LogStream {
  const maxBytes = isShared ? PIPE_BUF : Number.POSITIVE_INFINITY;
  const batches: Batch[] = [];
  let unreadBytes = 0;
  let isWaiting = false;
  let isWriting = false;
  // The stream is given the next one when it is done with the last: what it has to keep it would join.
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
// Of Linux, see pipe(7); POSIX only promises 512.
const PIPE_BUF = 4096;
const MAX_UNREAD_BYTES = 2 ** 24;
