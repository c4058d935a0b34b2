/**
 * Returns memory for a native call, not cleared. It lies outside of the engine's heap, so that its address stays the same,
 * and is never empty: the address of an empty Buffer is NULL. The caller releases it once the call has returned, or never.
 */
export function takeBuffer(length: number): Buffer {
  if (length > POOLED_BYTES) return Buffer.allocUnsafeSlow(length);
  return POOL.pop() ?? Buffer.allocUnsafeSlow(POOLED_BYTES);
}

/** Overwrites the memory, and keeps it for another call: to allocate it costs more than all other work for a call. */
export function releaseBuffer(block: Buffer): void {
  block.fill(0);
  if (block.length === POOLED_BYTES && POOL.length < MAX_POOLED) POOL.push(block);
}

/** Enough for a data key, its context and its ciphertext. */
const POOLED_BYTES = 2048;
const MAX_POOLED = 64;
const POOL: Buffer[] = [];
