/** Memory that is transferred to another thread: in one piece, since each transfer has a cost. */
export interface HandedOver {
  readonly buffer: ArrayBuffer;
  /** Copies bytes into the next free room: with a pooled Buffer, a message would carry the whole pool. */
  copy(bytes: Uint8Array): Uint8Array<ArrayBuffer>;
  /** Wipes the memory; does nothing once another thread has it. */
  wipe(): void;
}

/** Memory with room for copies of all parts. */
export function handedOver(parts: readonly Uint8Array[]): HandedOver {
  const buffer = new ArrayBuffer(parts.reduce((sum, { length }) => sum + length, 0));
  let used = 0;
  return {
    buffer,
    copy(bytes) {
      const copy = new Uint8Array(buffer, used, bytes.length);
      copy.set(bytes);
      used += bytes.length;
      return copy;
    },
    wipe() {
      if (buffer.byteLength > 0) new Uint8Array(buffer).fill(0);
    },
  };
}
