import type { Duplex } from 'node:stream';

/** Messages of one kind. */
export interface Workload {
  readonly suite: typeof UNSIGNED | typeof SIGNED;
  /** Bytes of plaintext in a message. */
  readonly plaintextLength: number;
  readonly frameLength: number;
  /** Data keys come from a cache that is warm. */
  readonly isCached: boolean;
  /** Holdfast has worker threads; the others have none. */
  readonly hasWorkers: boolean;
}

/** An implementation of the AWS Encryption SDK, ready for messages of one kind. */
export interface Sdk {
  readonly encrypt: (plaintext: Uint8Array) => Promise<Uint8Array>;
  readonly decrypt: (message: Uint8Array) => Promise<Uint8Array>;
  readonly stream: (direction: Direction) => Duplex;
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
