import { XksProxyError } from '../proxy-error.ts';
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

/** What to do about a chain that has no end: `chainEnd` rejects, and a proxy with this chain does not start. */
export const BROKEN_CHAIN_REMEDY =
  'keep its files as evidence and put those that are missing back, or begin anew: move all files of the chain away together, or set another `audit.chain`';

/**
 * Finds the end of a chain in its files. Rejects with XksProxyError `AUDIT_UNAVAILABLE` if the last record is damaged, or
 * missing with the file that had it. Files are numbered without gaps, and a next one is begun only behind a file that has
 * records: so a single file may be without any, the last one, and then the record is in the file with the number before.
 */
export async function chainEnd(files: readonly AuditFile[]): Promise<ChainEnd> {
  const [before, file] = [files.at(-2), files.at(-1)];
  if (file === undefined) return { ...BEGINNING, head: CHAIN_START, day: undefined };
  const { last, half } = await endOf(file);
  if (last !== undefined) return { ...last, half };
  // The process crashed after it had made the file and before it wrote the first record.
  if (file.number === 1) return { ...BEGINNING, head: CHAIN_START, day: undefined, half };
  if (before?.number !== file.number - 1) throw broken(`the file before ${file.path} is missing`);
  const { last: lastBefore } = await endOf(before);
  if (lastBefore === undefined) throw broken(`the records of ${before.path} are missing`);
  return { ...BEGINNING, head: lastBefore.head, day: lastBefore.day, half };
}

/** The last record of a file, unless the file has none, and what follows its last whole line. */
async function endOf({
  path,
}: AuditFile): Promise<{ readonly last?: Omit<ChainEnd, 'half'>; readonly half: Uint8Array }> {
  let { lastLine, size, half } = BEGINNING;
  for await (const { bytes, length, isWhole } of linesOf(path, MAX_LINE_BYTES)) {
    if (isWhole) {
      lastLine = bytes;
      size += length + 1;
    } else if (length > MAX_LINE_BYTES) {
      throw broken(`${path} ends with ${length} bytes that are no record`);
    } else {
      half = bytes;
    }
  }
  if (size === 0) return { half };
  const record = parseAuditLine(lastLine);
  if (record === undefined) throw broken(`the last record of ${path} is damaged`);
  const { sequence, hash, time } = record;
  lastLine = Buffer.concat([lastLine, Buffer.from('\n')]);
  return { last: { head: { sequence, hash }, day: time?.slice(0, 10), lastLine, size }, half };
}

const broken = (what: string) => new XksProxyError('AUDIT_UNAVAILABLE', what);

/** Far more than a record has: what a crash leaves may be zeros in place of all records that were not on the disk yet. */
const MAX_LINE_BYTES = 1 << 26;
const BEGINNING: Pick<ChainEnd, 'lastLine' | 'size' | 'half'> = {
  lastLine: new Uint8Array(),
  size: 0,
  half: new Uint8Array(),
};
