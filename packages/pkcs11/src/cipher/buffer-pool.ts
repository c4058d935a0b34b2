/**
 * Memory for a native call: outside of the engine's heap, so that its address stays, and never that of an empty Buffer,
 * which is NULL. Not cleared. Whoever takes it gives it back when the call has returned, or never.
 */
export function takeScratch(length: number): Buffer {
  if (length > KEPT_BYTES) return Buffer.allocUnsafeSlow(length);
  return KEPT.pop() ?? Buffer.allocUnsafeSlow(KEPT_BYTES);
}

/** Overwrites the memory, and keeps it for another call: to allocate it costs more than all else that we do for a call. */
export function wipeScratch(block: Buffer): void {
  block.fill(0);
  if (block.length === KEPT_BYTES && KEPT.length < MAX_KEPT) KEPT.push(block);
}

/** Enough for a data key, its context and its ciphertext. */
const KEPT_BYTES = 2048;
const MAX_KEPT = 64;
const KEPT: Buffer[] = [];
