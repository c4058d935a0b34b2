import type { Operation } from '../interleave.ts';

/** Messages of one kind. */
export interface Workload {
  readonly suite: typeof UNSIGNED | typeof SIGNED;
  /** Bytes of plaintext in a message. */
  readonly plaintextLength: number;
  readonly frameLength: number;
  /** Data keys come from a cache that is warm. */
  readonly isCached: boolean;
}

/** One of those who are compared, ready for messages of one kind. */
export interface Side {
  /** Encrypts or decrypts one message that lies in memory. */
  readonly buffers: Readonly<Record<Direction, Operation>>;
}

/** A message that does not fit in memory: from where decryption reads it, and how much plaintext it holds. */
export interface StreamSource {
  readonly path: string;
  readonly chunk: Uint8Array;
  readonly chunkCount: number;
}

export type Direction = 'encrypt' | 'decrypt';

export const UNSIGNED = 0x0478;
export const SIGNED = 0x0578;
export const ENCRYPTION_CONTEXT = { tenant: '42', purpose: 'bench' } as const;
export const NAMES = { namespace: 'bench', name: 'key' } as const;

/** The wrapping key of all sides: a new copy, for the peer wipes what it is given. */
export function wrappingKey(): Uint8Array {
  return new Uint8Array(32).fill(1);
}
