import type { Stats } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { synchronized } from '../files/replace-file.ts';
import type { RecordFields } from '../request-record.ts';
import { type ChainPlace, chainEnd } from './chain-end.ts';
import { auditFile, auditFiles } from './files.ts';
import { mend } from './mend.ts';
import { auditLine, type ChainHead } from './record.ts';

/** A chain that is open for writing. */
export interface AuditChain {
  /** The last record that is known to be written. */
  readonly head: ChainHead;
  /** The file that is written to. */
  readonly file: string;
  /**
   * Appends records, in a new file if the last one is full or of another day (UTC). After a call that failed, the next one
   * mends the file, with a record `recovered` of the bytes that were cut off. Rejects as long as the file is not as this
   * chain has left it: it has lost its name, records are missing, or another process writes.
   */
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
 * Opens a chain where it ended, or begins one. What is there stays as it is until the first record; half a line at the end,
 * which a crash leaves, is mended then. Rejects if the last whole line is no record as it was written, or is missing:
 * nothing is appended to a chain that is broken already.
 */
export async function openChain({ directory, chain, maxFileBytes }: AuditChainOptions): Promise<AuditChain> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const files = (await auditFiles(directory)).filter((file) => file.chain === chain);
  const end = await chainEnd(files);
  let place: ChainPlace = end;
  let day = end.day;
  let file = files.at(-1) ?? auditFile(directory, chain, 1);
  let handle = await open(file.path, 'a', 0o600);
  // What may stand behind the place; undefined as long as that is certain to be nothing.
  let doubtful = end.half.length === 0 ? undefined : end.half;
  let cutBytes = 0;
  // The file whose name is on the disk as well.
  let named: typeof file | undefined;

  const mended = async (attempted: Uint8Array): Promise<void> => {
    const found = await mend(file.path, place, attempted);
    const broken = handle;
    [handle, place] = [found.handle, found.place];
    cutBytes += found.cutBytes;
    await broken.close().catch(() => undefined);
  };
  const nextFile = async (): Promise<void> => {
    await handle.datasync();
    const next = auditFile(directory, chain, file.number + 1);
    const opened = await open(next.path, 'ax', 0o600);
    const full = handle;
    [file, handle, place] = [next, opened, { ...place, size: 0, lastLine: new Uint8Array() }];
    await full.close();
  };
  return {
    get head() {
      return place.head;
    },
    get file() {
      return file.path;
    },
    async append(records) {
      if (doubtful !== undefined) await mended(doubtful);
      doubtful = new Uint8Array();
      const time = new Date().toISOString();
      const today = time.slice(0, 10);
      const isOld = place.size > 0 && day !== undefined && day !== today;
      if (place.size >= maxFileBytes || isOld) await nextFile();
      const cut = cutBytes === 0 ? [] : [{ event: 'recovered', time, truncatedBytes: cutBytes }];
      let { head } = place;
      const lines = [...cut, ...records].map((fields) => {
        const sealed = auditLine(fields, head);
        head = sealed.head;
        return Buffer.from(`${sealed.line}\n`);
      });
      const text = Buffer.concat(lines);
      const opened = await handle.stat();
      await expectAsLeft(file.path, opened, place.size);
      doubtful = text;
      await handle.appendFile(text);
      const size = place.size + text.length;
      await expectAsLeft(file.path, opened, size);
      doubtful = undefined;
      place = { head, size, lastLine: lines.at(-1) ?? place.lastLine };
      [day, cutBytes] = [today, 0];
    },
    async sync() {
      const synced = file;
      await handle.datasync();
      if (synced !== named) await synchronized(directory);
      named = synced;
    },
    close: () => handle.close(),
  };
}

/**
 * Rejects unless a path leads to the file that is open, and that has a size. Records in a file without its name are lost,
 * and another process at the same chain would break it: it is better that this process stops writing.
 */
async function expectAsLeft(path: string, opened: Stats, size: number): Promise<void> {
  const named = await stat(path);
  if (named.dev !== opened.dev || named.ino !== opened.ino) throw new Error('the audit file was moved');
  if (named.size !== size) throw new Error('another process writes to the audit file');
}
