import { dirname } from 'node:path';
import { linesOf } from './files.ts';
import { type GivenChain, givenChains } from './given-files.ts';
import { CHAIN_START, type ChainHead, parseAuditLine } from './record.ts';

/** What can be wrong with a trail, and what it means. */
export const AUDIT_PROBLEMS = {
  changed: 'the line is not a record as it was written',
  'cut-off': 'the line has no end: it was cut off, or is being written',
  'records-missing': 'records are missing before this line, or the file was emptied',
  'out-of-order': 'the record belongs before the ones above it, or is there twice',
  replaced: 'the record does not follow the one before it: one of both was replaced',
  added: 'the record follows the one that was given as the last of its chain',
  'head-missing':
    'the record with a hash that was given is not in the trail: its end is missing, or it was replaced',
} as const satisfies Record<string, string>;

/** A problem, and its place. */
interface AuditFinding {
  readonly problem: keyof typeof AUDIT_PROBLEMS;
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** The hash that was given, for `head-missing` and `added`. */
  readonly head?: string;
}

/** What was found out about one chain. */
export interface ChainReport {
  readonly chain: string;
  /** The directory of its first file, as it was given. */
  readonly directory: string;
  readonly files: number;
  /** A number that files of the same name have in several directories, for which each directory was verified apart. */
  readonly numberTwice?: number;
  readonly records: number;
  /** The last record; without any, the hash before the first one, with number 0. */
  readonly head: ChainHead;
  /** Those of its records whose hashes were given, and how many follow each. The one before the first has number 0. */
  readonly known: readonly KnownRecord[];
  readonly findings: readonly AuditFinding[];
}

interface KnownRecord extends ChainHead {
  readonly followedBy: number;
}

/** What is known of a trail from elsewhere. */
export interface VerifyOptions {
  /** Hashes of records that must be in one of the chains: of the last known one of each, so that a missing end is noticed. */
  readonly heads?: readonly string[] | undefined;
  /** Hashes as `heads`, of the last records of chains that are written no more: the first record behind one is a finding. */
  readonly last?: readonly string[] | undefined;
  /** The hash before the first record, for a single chain whose beginning is kept elsewhere. */
  readonly after?: string | undefined;
}

/**
 * Reads trails and compares each record with its own hash and with the one before it: no line can be changed, removed,
 * added or moved without a finding, except at the very end. That lines were removed there only `heads` tell, and that lines
 * were added there only `last` does: hashes need no secret, so anyone who may write can go on with the chain.
 *
 * @param paths directories of trails, or single files of one that follow each other
 * @returns one report a chain; rejects if something cannot be read, with XksProxyError `AUDIT_UNAVAILABLE` for a path
 *   that leads to no audit file, and with a RangeError for `after` and several chains
 */
export async function verifyAudit(
  paths: readonly string[],
  { heads = [], last = [], after }: VerifyOptions = {},
): Promise<ChainReport[]> {
  const chains = await givenChains(paths);
  if (after !== undefined && chains.length > 1) throw new RangeError('after: expected a single chain');
  const given = { after, hashes: new Set([...heads, ...last]), last: new Set(last) };
  const verified = await Promise.all(chains.map((chain) => verifyChain(chain, given)));
  const found = new Set(verified.flatMap(({ report }) => report.known.map(({ hash }) => hash)));
  const missing = [...given.hashes].filter((hash) => !found.has(hash));
  // Which chain has lost its end cannot be known.
  return verified.map(({ report, end }) => ({
    ...report,
    findings: [
      ...report.findings,
      ...missing.map((head) => ({ problem: 'head-missing', ...end, head }) as const),
    ],
  }));
}

/** What is known of the chains, with all hashes that must be there in one set. */
interface Given {
  readonly after: string | undefined;
  readonly hashes: ReadonlySet<string>;
  readonly last: ReadonlySet<string>;
}

interface VerifiedChain {
  readonly report: ChainReport;
  /** The place of the last line. */
  readonly end: Pick<AuditFinding, 'file' | 'line'>;
}

async function verifyChain(
  { files, numberTwice }: GivenChain,
  { after, hashes, last: ends }: Given,
): Promise<VerifiedChain> {
  const findings: AuditFinding[] = [];
  const known: (ChainHead & { readonly records: number })[] = [];
  let records = 0;
  let last: ChainHead = { ...CHAIN_START, ...(after !== undefined && { hash: after }) };
  // What the next record must follow; without a hash when that cannot be known, without a number at the start of a part.
  let expected: { sequence?: number; hash?: string | undefined } =
    after === undefined ? CHAIN_START : { hash: after };
  const [first = { path: '', chain: '', number: 1 }] = files;
  // Whatever the record says of itself: only the first file has the first record.
  if (after === undefined && first.number > 1) {
    findings.push({ problem: 'records-missing', file: first.path, line: 1 });
    expected = {};
  } else if (hashes.has(last.hash)) {
    known.push({ ...last, records: 0 });
  }
  let place = { file: first.path, line: 1 };
  for (const [index, { path, number }] of files.entries()) {
    // A proxy leaves no gap: records that follow each other across one were written after the files in it were taken away.
    const before = files[index - 1];
    if (before !== undefined && number > before.number + 1) {
      findings.push({ problem: 'records-missing', file: path, line: 1 });
      expected = {};
    }
    let line = 0;
    for await (const { bytes, isWhole } of linesOf(path, MAX_LINE_BYTES)) {
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
      if (ends.has(last.hash)) findings.push({ problem: 'added', ...place, head: last.hash });
      records += 1;
      last = { sequence: record.sequence, hash: record.hash };
      if (hashes.has(record.hash)) known.push({ ...last, records });
      expected = last;
    }
    // A next file is begun only behind records.
    if (line === 0 && index < files.length - 1) {
      findings.push({ problem: 'records-missing', file: path, line: 1 });
      expected = {};
    }
  }
  const report = {
    chain: first.chain,
    directory: dirname(first.path),
    files: files.length,
    ...(numberTwice !== undefined && { numberTwice }),
    records,
    head: last,
    known: known.map(({ records: until, ...record }) => ({ ...record, followedBy: records - until })),
    findings,
  };
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

/** Several times what a record can have: its fields come from a request of 64 KiB at most. */
const MAX_LINE_BYTES = 1 << 20;
