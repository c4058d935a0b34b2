import { createHash } from 'node:crypto';
import { LocalKmsError } from '../../local-kms-error.ts';

/** One line of a log: SHA-256 of the text in base64url, its length in bytes, and the text, which has no line feed. */
export function encodeLine(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([Buffer.from(`${digestOf(bytes)} ${bytes.length} `), bytes, LINE_FEED]);
}

/** The lines of a log, and where the last of them ends. */
export interface Lines {
  readonly texts: readonly string[];
  readonly end: number;
}

/**
 * Reads a log. The rest of a last line that a crash has left does not count: it was not written to its end, and so not
 * acknowledged. Throws LocalKmsError `STATE_CORRUPT` for anything else than whole lines.
 */
export function decodeLines(log: Buffer): Lines {
  const texts: string[] = [];
  let start = 0;
  while (start < log.length) {
    const lineFeed = log.indexOf(LINE_FEED, start);
    const isEnded = lineFeed >= 0;
    const end = isEnded ? lineFeed : log.length;
    const line = log.subarray(start, end);
    const text = isEnded ? textOf(line) : undefined;
    if (text === undefined) {
      const isLast = end + 1 >= log.length;
      if (isLast && isTorn(log, start, isEnded)) break;
      throw new LocalKmsError('STATE_CORRUPT', `line ${texts.length + 1} of the log is not what was written`);
    }
    texts.push(text);
    start = end + 1;
  }
  return { texts, end: start };
}

/** Whether a file begins as a log does, and so was meant to be one. */
export function isLog(bytes: Buffer): boolean {
  return prefixOf(bytes).digest !== undefined;
}

function textOf(line: Buffer): string | undefined {
  const { digest, length, textAt } = prefixOf(line);
  const text = line.subarray(textAt);
  return text.length === length && digestOf(text) === digest ? text.toString('utf8') : undefined;
}

/**
 * Whether the last line, which is not valid, was being written: it is shorter than it says, or has holes. A power failure may
 * leave some blocks of the file written and others not. A hole is all that a block has of the line; a change of any
 * smaller part is corruption.
 */
function isTorn(log: Buffer, start: number, isEnded: boolean): boolean {
  for (let from = start; from < log.length; from = nextBlock(from)) {
    if (log.subarray(from, nextBlock(from)).every((byte) => byte === 0)) return true;
  }
  const { length, textAt } = prefixOf(log.subarray(start));
  return !isEnded && (length === undefined || log.length - start - textAt <= length);
}

function nextBlock(at: number): number {
  return (Math.floor(at / BLOCK_BYTES) + 1) * BLOCK_BYTES;
}

function prefixOf(line: Buffer) {
  const [prefix = '', digest, length] =
    PREFIX.exec(line.subarray(0, MAX_PREFIX_BYTES).toString('latin1')) ?? [];
  return { digest, length: length === undefined ? undefined : Number(length), textAt: prefix.length };
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64url');
}

const LINE_FEED = Buffer.from('\n');
/** What disks write whole or not at all; file systems have larger blocks. */
const BLOCK_BYTES = 512;
const PREFIX = /^([\w-]{43}) (\d{1,10}) /;
const MAX_PREFIX_BYTES = 43 + 1 + 10 + 1;
