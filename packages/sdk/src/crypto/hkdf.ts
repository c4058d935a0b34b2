import { hmac } from '#crypto';
import type { Hash } from '../suites.ts';

/**
 * HKDF-Extract: the pseudorandom key, as long as the hash. An empty salt stands for one of zeros: HMAC pads an empty
 * key with them.
 *
 * The input key is HMAC's message, which leaves no copy of it in the runtime's memory; a key argument would leave one.
 * This is why HKDF is two HMAC calls here and not the runtime's own.
 *
 * @see RFC 5869 section 2.2
 */
export { hmac as hkdfExtract } from '#crypto';

/**
 * HKDF-Expand, as far as any suite needs it: at most one block. Rejects with `RangeError` for more bytes than the hash
 * has.
 *
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
