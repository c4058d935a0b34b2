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
 * Reads a log. What a crash has left of a last line does not count: it was not written to its end, and so nobody was told
 * of it. Throws LocalKmsError `STATE_CORRUPT` for anything else than whole lines.
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
      if (isLast && isTorn(line, isEnded)) break;
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
 * Whether the last line, which is not whole, is one that was being written: it is shorter than it says, or has holes. A file
 * system that lost its power may have kept the end of what was written and not its beginning, in blocks: a hole is long, or
 * at an end of the line.
 */
function isTorn(line: Buffer, isEnded: boolean): boolean {
  if (line.includes(HOLE) || line.at(0) === 0 || line.at(-1) === 0) return true;
  const { length, textAt } = prefixOf(line);
  return !isEnded && (length === undefined || line.length - textAt <= length);
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
const HOLE = Buffer.alloc(8);
const PREFIX = /^([\w-]{43}) (\d{1,10}) /;
const MAX_PREFIX_BYTES = 43 + 1 + 10 + 1;
