/** Memory that another thread gets: in one piece, since each has its price. */
export interface HandedOver {
  readonly buffer: ArrayBuffer;
  /** A copy of the next bytes that there is room for. Of a pooled Buffer, a message would have the whole pool. */
  copy(bytes: Uint8Array): Uint8Array<ArrayBuffer>;
  /** Does nothing once another thread has it. */
  wipe(): void;
}

/** Memory with room for copies of all of these. */
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
