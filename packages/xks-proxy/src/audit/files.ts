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

/** The lines of a file, one by one. */
export async function* linesOf(path: string): AsyncGenerator<FileLine> {
  const handle = await open(path, 'r');
  try {
    let rest: Uint8Array = new Uint8Array();
    for await (const chunk of handle.createReadStream({ autoClose: false })) {
      if (!(chunk instanceof Uint8Array)) continue;
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let start = 0;
      for (let end = bytes.indexOf(LINE_FEED, start); end >= 0; end = bytes.indexOf(LINE_FEED, start)) {
        yield { bytes: bytes.subarray(start, end), isWhole: true };
        start = end + 1;
      }
      rest = bytes.subarray(start);
    }
    if (rest.length > 0) yield { bytes: rest, isWhole: false };
  } finally {
    await handle.close();
  }
}

const FILE_NAME = /^(.+)-(\d{8,})\.jsonl$/;
const LINE_FEED = 0x0a;
