import { type AuditFile, linesOf } from './files.ts';
import { CHAIN_START, type ChainHead, parseAuditLine } from './record.ts';

/** A place in the last file of a chain, behind its last record. */
export interface ChainPlace {
  readonly head: ChainHead;
  /** Bytes of the file up to here. */
  readonly size: number;
  /** The last of its lines, with the line feed; empty if the record is in the file before. */
  readonly lastLine: Uint8Array;
}

/** Where a chain ends, and what is not whole any more behind it. */
export interface ChainEnd extends ChainPlace {
  /** The day of the last record, as `2026-11-21`. */
  readonly day: string | undefined;
  readonly half: Uint8Array;
}

/** Finds the end of a chain in its files. Rejects if the last record is damaged, or missing with the file that had it. */
export async function chainEnd(files: readonly AuditFile[]): Promise<ChainEnd> {
  const file = files.at(-1);
  if (file === undefined) return { ...BEGINNING, head: CHAIN_START, day: undefined };
  let { lastLine, size, half } = BEGINNING;
  for await (const { bytes, isWhole } of linesOf(file.path)) {
    if (isWhole) {
      lastLine = bytes;
      size += bytes.length + 1;
    } else {
      half = bytes;
    }
  }
  // The process crashed after it had made the file and before it wrote the first record.
  if (size === 0) {
    if (files.length === 1 && file.number > 1) throw new Error(`the file before ${file.path} is missing`);
    const { head, day } = await chainEnd(files.slice(0, -1));
    return { ...BEGINNING, head, day, half };
  }
  const record = parseAuditLine(lastLine);
  if (record === undefined) throw new Error(`the last record of ${file.path} is damaged`);
  const { sequence, hash, time } = record;
  lastLine = Buffer.concat([lastLine, Buffer.from('\n')]);
  return { head: { sequence, hash }, day: time?.slice(0, 10), lastLine, size, half };
}

const BEGINNING: Pick<ChainEnd, 'lastLine' | 'size' | 'half'> = {
  lastLine: new Uint8Array(),
  size: 0,
  half: new Uint8Array(),
};
