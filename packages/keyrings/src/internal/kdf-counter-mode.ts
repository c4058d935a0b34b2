import { hmac, secretBytes } from '@holdfast/sdk/spi';

/** What the bytes are for: two uses of one key differ in label or context. */
export interface DerivationPurpose {
  readonly label: Uint8Array;
  readonly context: Uint8Array;
}

/**
 * `length` bytes from a key by the KDF in counter mode, with the fixed input label ‖ 00 ‖ context ‖ length in bits.
 * The bytes are in memory of their own, for the caller to wipe.
 *
 * @see NIST SP 800-108r1 section 4.1
 */
export function deriveInCounterMode(
  hash: CounterModeHash,
  key: Uint8Array,
  { label, context }: DerivationPurpose,
  length: number,
): Promise<Uint8Array> {
  const fixedInput = new Uint8Array(label.length + 1 + context.length + 4);
  fixedInput.set(label);
  fixedInput.set(context, label.length + 1);
  fixedInput.set(uint32(8 * length), label.length + 1 + context.length);
  return expandInCounterMode(hash, key, fixedInput, length);
}

/** The same with a fixed input of any form. */
export async function expandInCounterMode(
  hash: CounterModeHash,
  key: Uint8Array,
  fixedInput: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  const derived = secretBytes(length);
  for (let offset = 0, counter = 1; offset < length; counter++) {
    const block = await hmac(hash, key, uint32(counter), fixedInput);
    derived.set(block.subarray(0, length - offset), offset);
    block.fill(0);
    offset += block.length;
  }
  return derived;
}

/** Hash of the HMAC that is the pseudorandom function. */
export type CounterModeHash = 'SHA-256' | 'SHA-384';

function uint32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}
