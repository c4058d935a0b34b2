import { once } from 'node:events';
import { closeSync, createWriteStream, openSync, readSync, statSync } from 'node:fs';
import type { AuditEvent } from '../audit/event.ts';
import { unusableFile } from './option-file.ts';

/** Where `serve` writes what was called. */
export interface AuditFile {
  readonly write: (event: AuditEvent) => void;
  /** Resolves when an event could not be written. */
  readonly lost: Promise<Error>;
}

/**
 * Opens a file and appends to it, one JSON event a line. Only its owner may read it. Where a full disk has cut off the last
 * line of it, the next event begins on another. Rejects with RangeError, as for any other value of an option that cannot be
 * used, if the file cannot be opened.
 */
export async function openAuditFile(path: string): Promise<AuditFile> {
  const isCutOff = endsWithinLine(path);
  const stream = createWriteStream(path, { flags: 'a', mode: 0o600 });
  await once(stream, 'open').catch((cause: unknown) => {
    throw unusableFile(cause);
  });
  if (isCutOff) stream.write('\n');
  return {
    write: (event) => void stream.write(`${JSON.stringify(event)}\n`),
    lost: new Promise((resolve) => void stream.on('error', resolve)),
  };
}

/** Whether the last line of a file lacks its end. A file that cannot be read, such as a pipe, has no such line. */
function endsWithinLine(path: string): boolean {
  const stats = statsOf(path);
  if (!stats?.isFile() || stats.size === 0) return false;
  const file = openedToRead(path);
  if (file === undefined) return false;
  try {
    const last = Buffer.alloc(1);
    readSync(file, last, { position: stats.size - 1 });
    return last[0] !== LINE_FEED;
  } finally {
    closeSync(file);
  }
}

/** Returns undefined for a file that may be appended to but not read. */
function openedToRead(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch {
    return undefined;
  }
}

function statsOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    throw unusableFile(cause);
  }
}

const LINE_FEED = 0x0a;
