import { createHash } from 'node:crypto';
import type { RecordFields } from '../request-record.ts';

/** A place in a chain: the number of a record, from 1, and its hash. */
export interface ChainHead {
  readonly sequence: number;
  /** SHA-256, in hex. */
  readonly hash: string;
}

/** Before the first record of a chain. */
export const CHAIN_START: ChainHead = { sequence: 0, hash: '0'.repeat(64) };

/**
 * The next line of a chain, without its line feed: one JSON object in canonical form, that is without white space and with
 * its members by name. Beside the fields it has `sequence`, `previous`, which is the hash of the record before it, and
 * `hash`, the SHA-256 of the line as it would be without that member. Fields that are `undefined` are left out.
 */
export function auditLine(
  fields: RecordFields,
  before: ChainHead,
): { readonly line: string; readonly head: ChainHead } {
  const sequence = before.sequence + 1;
  const { line, hash } = canonicalRecord({ ...fields, sequence, previous: before.hash });
  return { line, head: { sequence, hash } };
}

/** Where a line stands in its chain; `undefined` if it is no record exactly as it was written. */
export function parseAuditLine(
  bytes: Uint8Array,
): (ChainHead & { readonly previous: string; readonly time: string | undefined }) | undefined {
  try {
    // Fatal, since two spellings that are read as the same text would be one record.
    const text = UTF8.decode(bytes);
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const { hash, ...record }: Record<string, unknown> = { ...value };
    const { sequence, previous, time } = record;
    if (typeof hash !== 'string' || typeof previous !== 'string' || typeof sequence !== 'number') {
      return undefined;
    }
    const written = canonicalRecord(record);
    if (written.line !== text || written.hash !== hash) return undefined;
    return { sequence, hash, previous, time: typeof time === 'string' ? time : undefined };
  } catch {
    return undefined;
  }
}

/** A record in canonical form, as RFC 8785 has it for texts and numbers: its hash, and its line with the hash in place. */
function canonicalRecord(record: Readonly<Record<string, unknown>>): { line: string; hash: string } {
  const members = Object.entries(record)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]): Member => [name, `${JSON.stringify(name)}:${JSON.stringify(value)}`]);
  const hash = createHash('sha256').update(object(members)).digest('hex');
  const after = members.findIndex(([name]) => name > 'hash');
  const place = after < 0 ? members.length : after;
  return { line: object(members.toSpliced(place, 0, ['hash', `"hash":"${hash}"`])), hash };
}

const object = (members: readonly Member[]) => `{${members.map(([, text]) => text).join(',')}}`;

type Member = readonly [name: string, text: string];

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
