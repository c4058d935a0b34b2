/**
 * Memory for a native call: outside of the engine's heap, so that its address stays, and never that of an empty Buffer,
 * which is NULL. Not cleared. Whoever takes it gives it back when the call has returned, or never.
 */
export function takeBuffer(length: number): Buffer {
  if (length > POOLED_BYTES) return Buffer.allocUnsafeSlow(length);
  return POOL.pop() ?? Buffer.allocUnsafeSlow(POOLED_BYTES);
}

/** Overwrites the memory, and keeps it for another call: to allocate it costs more than all else that we do for a call. */
export function releaseBuffer(block: Buffer): void {
  block.fill(0);
  if (block.length === POOLED_BYTES && POOL.length < MAX_POOLED) POOL.push(block);
}

/** Enough for a data key, its context and its ciphertext. */
const POOLED_BYTES = 2048;
const MAX_POOLED = 64;
const POOL: Buffer[] = [];
