import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '../error-code.ts';
import { XksProxyError } from '../proxy-error.ts';
import { type AuditFile, auditFiles, linesOf } from './files.ts';
import { CHAIN_START, type ChainHead, parseAuditLine } from './record.ts';

/** What can be wrong with a trail, and what it means. */
export const AUDIT_PROBLEMS = {
  changed: 'the line is not a record as it was written',
  'cut-off': 'the line has no end: it was cut off, or is being written',
  'records-missing': 'records are missing before this line, or the file was emptied',
  'out-of-order': 'the record belongs before the ones above it, or is there twice',
  replaced: 'the record does not follow the one before it: one of both was replaced',
  'head-missing':
    'the record with a hash that was given is not in the trail: its end is missing, or it was replaced',
} as const satisfies Record<string, string>;

/** A problem, and its place. */
interface AuditFinding {
  readonly problem: keyof typeof AUDIT_PROBLEMS;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The hash that is not in the trail, for `head-missing`. */
  readonly head?: string;
}

/** What was found out about one chain. */
export interface ChainReport {
  readonly chain: string;
  readonly files: number;
  readonly records: number;
  /** The last record. */
  readonly head: ChainHead;
  readonly findings: readonly AuditFinding[];
}

/** What is known of a trail from elsewhere. */
export interface VerifyOptions {
  /** Hashes of records that must be in one of the chains: of the last known one of each, so that a missing end is noticed. */
  readonly heads?: readonly string[] | undefined;
  /** The hash before the first record, for a single chain whose beginning is kept elsewhere. */
  readonly after?: string | undefined;
}

/**
 * Reads trails and compares each record with its own hash and with the one before it: no line can be changed, removed,
 * added or moved without a finding, but for lines removed at the very end, which only `heads` tell.
 *
 * @param paths directories of trails, or single files of one that follow each other
 * @returns one report a chain; rejects if something cannot be read, with XksProxyError `AUDIT_UNAVAILABLE` for a path
 *   that leads to no audit file, and with a RangeError for `after` and several chains
 */
export async function verifyAudit(
  paths: readonly string[],
  { heads, after }: VerifyOptions = {},
): Promise<ChainReport[]> {
  const chains = new Map<string, AuditFile[]>();
  for (const file of await filesAt(paths)) {
    const key = `${await realpath(dirname(file.path))}/${file.chain}`;
    chains.set(key, [...(chains.get(key) ?? []), file]);
  }
  if (after !== undefined && chains.size > 1) throw new RangeError('after: expected a single chain');
  const missing = new Set(heads);
  const verified = await Promise.all(
    [...chains.values()].map((files) => verifyChain(files, after, (hash) => missing.delete(hash))),
  );
  // Which chain has lost its end cannot be known.
  return verified.map(({ report, end }) => ({
    ...report,
    findings: [
      ...report.findings,
      ...[...missing].map((head) => ({ problem: 'head-missing', ...end, head }) as const),
    ],
  }));
}

interface VerifiedChain {
  readonly report: ChainReport;
  /** The place of the last line. */
  readonly end: Pick<AuditFinding, 'file' | 'line'>;
}

async function verifyChain(
  files: readonly AuditFile[],
  after: string | undefined,
  found: (hash: string) => void,
): Promise<VerifiedChain> {
  const findings: AuditFinding[] = [];
  let records = 0;
  let last: ChainHead = CHAIN_START;
  // What the next record must follow; without a hash when that cannot be known, without a number at the start of a part.
  let expected: { sequence?: number; hash?: string | undefined } =
    after === undefined ? CHAIN_START : { hash: after };
  const [first = { path: '', chain: '', number: 1 }] = files;
  // Whatever the record says of itself: only the first file has the first record.
  if (after === undefined && first.number > 1) {
    findings.push({ problem: 'records-missing', file: first.path, line: 1 });
    expected = {};
  }
  let place = { file: first.path, line: 0 };
  for (const [index, { path, number }] of files.entries()) {
    // A proxy leaves no gap: records that follow each other across one were written after the files in it were taken away.
    const before = files[index - 1];
    if (before !== undefined && number > before.number + 1) {
      findings.push({ problem: 'records-missing', file: path, line: 1 });
      expected = {};
    }
    let line = 0;
    for await (const { bytes, isWhole } of linesOf(path)) {
      line += 1;
      place = { file: path, line };
      const record = isWhole ? parseAuditLine(bytes) : undefined;
      if (record === undefined) {
        findings.push({ problem: isWhole ? 'changed' : 'cut-off', ...place });
        expected = expected.sequence === undefined ? {} : { sequence: expected.sequence + 1 };
        continue;
      }
      const problem = misfit(record, expected);
      if (problem !== undefined) findings.push({ problem, ...place });
      records += 1;
      found(record.hash);
      last = { sequence: record.sequence, hash: record.hash };
      expected = last;
    }
    // A next file is begun only behind records.
    if (line === 0 && index < files.length - 1) {
      findings.push({ problem: 'records-missing', file: path, line: 1 });
      expected = {};
    }
  }
  const report = { chain: first.chain, files: files.length, records, head: last, findings };
  return { report, end: place };
}

function misfit(
  record: ChainHead & { readonly previous: string },
  { sequence, hash }: { readonly sequence?: number; readonly hash?: string | undefined },
): AuditFinding['problem'] | undefined {
  if (sequence !== undefined && record.sequence > sequence + 1) return 'records-missing';
  if (sequence !== undefined && record.sequence <= sequence) return 'out-of-order';
  if (hash !== undefined && record.previous !== hash) {
    return sequence === undefined ? 'records-missing' : 'replaced';
  }
  return undefined;
}

/** Returns the files of all paths, each once: the records of a file that is given twice would be there twice. */
async function filesAt(paths: readonly string[]): Promise<AuditFile[]> {
  const found = new Map<string, AuditFile>();
  for (const path of paths) {
    const files = await filesOf(path).catch((cause: unknown): never => {
      const reason = REASONS[errorCode(cause) ?? ''];
      if (reason === undefined) throw cause;
      throw new XksProxyError('AUDIT_UNAVAILABLE', `${path}: ${reason}`, { cause });
    });
    for (const file of files) {
      const place = join(await realpath(dirname(file.path)), basename(file.path));
      if (!found.has(place)) found.set(place, file);
    }
  }
  return [...found.values()].sort((a, b) => a.number - b.number);
}

/** Those in a directory, or the one file. */
async function filesOf(path: string): Promise<readonly AuditFile[]> {
  if ((await stat(path)).isDirectory()) return auditFiles(path);
  const siblings = await auditFiles(dirname(path));
  const file = siblings.find((sibling) => basename(sibling.path) === basename(path));
  if (file !== undefined) return [file];
  throw new XksProxyError('AUDIT_UNAVAILABLE', `${path}: not the name of an audit file`);
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such directory or file',
  ENOTDIR: 'there is no such directory or file',
  EACCES: 'this user may not read it',
};
