import { createHash, randomBytes, randomUUID } from 'node:crypto';

/** The kinds of ids. Each kind has a sequence of its own, so that one more alias does not change the ids of keys. */
type IdKind =
  | 'key'
  | 'key-material'
  | 'custom-key-store'
  | 'grant'
  | 'grant-token'
  | 'request'
  | 'event'
  | 'health-check';

/** A source of ids for new keys, grants and so on. Ids are names, never secrets. */
export interface Ids {
  /** Lower-case UUID. */
  uuid(kind: IdKind): string;
  /** So many lower-case hex digits, up to 64. */
  hex(kind: IdKind, digits: number): string;
}

/** Random ids; with a seed, ids that are the same in every process that asks in the same order. */
export function idSource(seed?: string): Ids {
  return seed === undefined ? RANDOM_IDS : seededIds(seed);
}

function seededIds(seed: string): Ids {
  const issued = new Map<IdKind, number>();
  const hex = (kind: IdKind, digits: number): string => {
    const number = (issued.get(kind) ?? 0) + 1;
    issued.set(kind, number);
    const hash = createHash('sha256').update(JSON.stringify([seed, kind, number]), 'utf8');
    return hash.digest('hex').slice(0, digits);
  };
  return {
    hex,
    uuid(kind) {
      const digits = hex(kind, 32);
      const variant = '89ab'.charAt(Number.parseInt(digits.charAt(16), 16) % 4);
      return [
        digits.slice(0, 8),
        digits.slice(8, 12),
        `4${digits.slice(13, 16)}`,
        `${variant}${digits.slice(17, 20)}`,
        digits.slice(20),
      ].join('-');
    },
  };
}

const RANDOM_IDS: Ids = {
  hex: (_kind, digits) => randomBytes(32).toString('hex').slice(0, digits),
  uuid: () => randomUUID(),
};
