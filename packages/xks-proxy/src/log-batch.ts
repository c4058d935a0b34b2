import type { Writable } from 'node:stream';
import type { LogStream } from './log.ts';

/**
 * A stream that gets the lines of 25 ms in one write: for a pipe each write is a system call, and wakes its
 * reader. What is left when the process ends is written then, also after an exception that nobody caught. Lost are only
 * the last lines of a process that is killed or crashes outside of JavaScript. A stream whose reader has stalled, so that
 * 16 MiB wait for it, is destroyed with an error.
 */
export function batchedLines(stream: Writable): LogStream {
  let lines = '';
  const flush = (): void => {
    const batch = lines;
    lines = '';
    if (batch !== '') stream.write(batch);
    if (stream.writableLength > MAX_UNREAD_BYTES) stream.destroy(new Error('nobody reads it'));
  };
  process.on('exit', flush);
  return {
    write(line) {
      if (lines === '') setTimeout(flush, MAX_AGE_MS);
      lines += line;
    },
  };
}

const MAX_AGE_MS = 25;
const MAX_UNREAD_BYTES = 2 ** 24;
