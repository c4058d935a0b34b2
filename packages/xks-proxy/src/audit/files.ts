import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** One file of a chain; the chain goes on in the file with the next number. */
export interface AuditFile {
  readonly path: string;
  readonly chain: string;
  /** From 1. */
  readonly number: number;
}

/** A line of a file, without its line feed. */
export interface FileLine {
  readonly bytes: Uint8Array;
  /** Also of a line that is given without its bytes. */
  readonly length: number;
  /** Whether a line feed ends it; the last one of a file that was cut off has none. */
  readonly isWhole: boolean;
}

/** The file of a chain with a number. */
export function auditFile(directory: string, chain: string, number: number): AuditFile {
  return { path: join(directory, `${chain}-${String(number).padStart(8, '0')}.jsonl`), chain, number };
}

/** The files of all chains in a directory, chain by chain, in the order of their numbers. */
export async function auditFiles(directory: string): Promise<AuditFile[]> {
  const files: AuditFile[] = [];
  for (const name of await readdir(directory)) {
    const [, chain, number] = FILE_NAME.exec(name) ?? [];
    if (chain !== undefined) files.push({ path: join(directory, name), chain, number: Number(number) });
  }
  return files.sort((a, b) => (a.chain === b.chain ? a.number - b.number : a.chain < b.chain ? -1 : 1));
}

/**
 * The lines of a file, one by one.
 *
 * @param maxLineBytes a longer line, of whatever length, takes no memory, and is given without its bytes
 */
export async function* linesOf(
  path: string,
  maxLineBytes = Number.POSITIVE_INFINITY,
): AsyncGenerator<FileLine> {
  const handle = await open(path, 'r');
  try {
    // Put together once the line feed is found: a file may have zeros without end where a crash or a user put them.
    let parts: Uint8Array[] = [];
    let length = 0;
    const take = (part: Uint8Array): void => {
      length += part.length;
      if (length <= maxLineBytes) parts.push(part);
      else parts = [];
    };
    for await (const chunk of handle.createReadStream({ autoClose: false })) {
      if (!(chunk instanceof Uint8Array)) continue;
      let start = 0;
      for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, start)) {
        take(chunk.subarray(start, end));
        yield { bytes: joined(parts), length, isWhole: true };
        [parts, length] = [[], 0];
        start = end + 1;
      }
      if (start < chunk.length) take(chunk.subarray(start));
    }
    if (length > 0) yield { bytes: joined(parts), length, isWhole: false };
  } finally {
    await handle.close();
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [first = new Uint8Array(), ...others] = parts;
  return others.length === 0 ? first : Buffer.concat(parts);
}

const FILE_NAME = /^(.+)-(\d{8,})\.jsonl$/;
const LINE_FEED = 0x0a;
