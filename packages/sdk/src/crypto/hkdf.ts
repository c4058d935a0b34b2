import { hmac } from '#crypto';
import type { Hash } from '../suites.ts';
import type { Awaitable } from './provider.ts';

/**
 * HKDF's first step: the pseudorandom key, as long as the hash.
 *
 * The input key goes in as HMAC's message, which leaves no copy of it behind in the runtime's memory, as a key
 * argument would: this is why HKDF is two HMAC calls here and not the runtime's own.
 *
 * @see RFC 5869 section 2.2
 */
export function hkdfExtract(hash: Hash, salt: Uint8Array, inputKey: Uint8Array): Awaitable<Uint8Array> {
  return hmac(hash, salt.length === 0 ? HASH_ZEROS[hash] : salt, inputKey);
}

/**
 * HKDF's second step, as far as any suite needs it: at most one block.
 *
 * @throws RangeError for more bytes than the hash has
 * @see RFC 5869 section 2.3
 */
export async function hkdfExpand(
  hash: Hash,
  pseudorandomKey: Uint8Array,
  info: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  if (length > HASH_ZEROS[hash].length) throw new RangeError('length: expected one block at most');
  const block = await hmac(hash, pseudorandomKey, info, FIRST_BLOCK);
  block.fill(0, length);
  return block.subarray(0, length);
}

/** The salt when there is none. */
const HASH_ZEROS = {
  'SHA-256': new Uint8Array(32),
  'SHA-384': new Uint8Array(48),
  'SHA-512': new Uint8Array(64),
} as const satisfies Record<Hash, Uint8Array>;
const FIRST_BLOCK = Uint8Array.of(1);
