import { mkdir, open } from 'node:fs/promises';
import type { RecordFields } from '../request-record.ts';
import { type AuditFile, auditFile, auditFiles, linesOf } from './files.ts';
import { auditLine, CHAIN_START, type ChainHead, parseAuditLine } from './record.ts';

/** A chain that is open for writing. After a failure it is of no use: what was written is found out by opening it again. */
export interface AuditChain {
  readonly head: ChainHead;
  /** The file that is written to. */
  readonly file: string;
  /** Appends records, in a new file if the last one is full or of another day (UTC). */
  append(records: readonly RecordFields[]): Promise<void>;
  /** Resolves when what was appended survives a loss of power. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Where a chain is, and how large a file of it gets. */
export interface AuditChainOptions {
  readonly directory: string;
  /** The name of the chain: one for each process that writes. */
  readonly chain: string;
  readonly maxFileBytes: number;
}

/**
 * Opens a chain where it ended, or begins one. Half a line at the end, which a crash leaves, is cut off, and a record
 * `recovered` says of how many bytes. Rejects if the last whole line is no record as it was written: nothing is
 * appended to a chain that is broken already.
 */
export async function openChain({ directory, chain, maxFileBytes }: AuditChainOptions): Promise<AuditChain> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const files = (await auditFiles(directory)).filter((file) => file.chain === chain);
  const end = await endOf(files);
  let head = end.head;
  let day = end.day;
  let file = files.at(-1) ?? auditFile(directory, chain, 1);
  let handle = await open(file.path, 'a', 0o600);
  let size = end.wholeBytes;

  const nextFile = async (): Promise<void> => {
    await handle.datasync();
    const next = auditFile(directory, chain, file.number + 1);
    const opened = await open(next.path, 'ax', 0o600);
    await handle.close();
    [file, handle, size] = [next, opened, 0];
  };
  const opened: AuditChain = {
    get head() {
      return head;
    },
    get file() {
      return file.path;
    },
    async append(records) {
      const today = new Date().toISOString().slice(0, 10);
      const isOld = size > 0 && day !== undefined && day !== today;
      if (size >= maxFileBytes || isOld) await nextFile();
      let text = '';
      let next = head;
      for (const fields of records) {
        const sealed = auditLine(fields, next);
        next = sealed.head;
        text += `${sealed.line}\n`;
      }
      // Somebody else at the same chain would break it: better this process stops writing to it.
      const now = await handle.stat();
      if (now.size !== size) throw new Error('another process writes to the audit file');
      if (now.nlink === 0) throw new Error('the audit file was deleted');
      await handle.appendFile(text);
      size += Buffer.byteLength(text);
      [head, day] = [next, today];
    },
    sync: () => handle.datasync(),
    close: () => handle.close(),
  };
  try {
    if (end.halfBytes > 0) {
      await handle.truncate(end.wholeBytes);
      const time = new Date().toISOString();
      await opened.append([{ event: 'recovered', time, truncatedBytes: end.halfBytes }]);
    }
    return opened;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

interface ChainEnd {
  readonly head: ChainHead;
  /** Of the last record, as `2026-11-21`. */
  readonly day: string | undefined;
  /** Of the last file: up to the end of its last whole line, and after it. */
  readonly wholeBytes: number;
  readonly halfBytes: number;
}

async function endOf(files: readonly AuditFile[]): Promise<ChainEnd> {
  const file = files.at(-1);
  if (file === undefined) return { head: CHAIN_START, day: undefined, wholeBytes: 0, halfBytes: 0 };
  let last: Uint8Array | undefined;
  let wholeBytes = 0;
  let halfBytes = 0;
  for await (const { bytes, isWhole } of linesOf(file.path)) {
    if (isWhole) {
      last = bytes;
      wholeBytes += bytes.length + 1;
    } else {
      halfBytes = bytes.length;
    }
  }
  // A crash between the making of a file and its first record.
  if (last === undefined) {
    const { head, day } = await endOf(files.slice(0, -1));
    return { head, day, wholeBytes, halfBytes };
  }
  const record = parseAuditLine(last);
  if (record === undefined) throw new Error(`the last record of ${file.path} is damaged`);
  const { sequence, hash, time } = record;
  return { head: { sequence, hash }, day: time?.slice(0, 10), wholeBytes, halfBytes };
}
