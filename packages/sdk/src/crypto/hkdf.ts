import { hmac } from '#crypto';
import type { Hash } from '../suites.ts';

/**
 * HKDF's first step: the pseudorandom key, as long as the hash. Without a salt, one of zeros is meant, which HMAC makes of
 * an empty key.
 *
 * The input key goes in as HMAC's message, which leaves no copy of it behind in the runtime's memory, as a key
 * argument would: this is why HKDF is two HMAC calls here and not the runtime's own.
 *
 * @see RFC 5869 section 2.2
 */
export { hmac as hkdfExtract } from '#crypto';

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
  const block = await hmac(hash, pseudorandomKey, info, FIRST_BLOCK);
  if (length > block.length) throw new RangeError('length: expected one block at most');
  block.fill(0, length);
  return block.subarray(0, length);
}

const FIRST_BLOCK = Uint8Array.of(1);
