import { NOTHING, plainView } from '../bytes.ts';

/**
 * Bytes of a message that have arrived and are not consumed yet. Takes memory for bytes that have arrived, never for a
 * length that a message merely claims. Copies no more of a chunk than the rest of a unit that began in an earlier one,
 * and what is left over in the end.
 */
export class Input {
  /** Copies from earlier chunks, which come first. */
  #kept: Uint8Array = NOTHING;
  #keptStart = 0;
  #keptEnd = 0;
  /** The caller's chunk, which is neither kept nor written to. */
  #chunk: Uint8Array = NOTHING;
  #chunkStart = 0;
  /** Copies that were consumed, and the offset from which on the chunk was. */
  #used: Uint8Array[] = [];
  #usedStart = 0;

  get length(): number {
    return this.#keptLength + this.#chunk.length - this.#chunkStart;
  }

  get #keptLength(): number {
    return this.#keptEnd - this.#keptStart;
  }

  /** Adds a chunk, which may be referred to until {@link settle} is called. */
  push(chunk: Uint8Array): void {
    this.settle();
    this.#chunk = plainView(chunk);
  }

  /**
   * Returns the next `length` bytes, which the caller has seen are there. Valid until the next call of another method.
   */
  peek(length: number): Uint8Array {
    const keptLength = this.#keptLength;
    if (keptLength === 0) return this.#chunk.subarray(this.#chunkStart, this.#chunkStart + length);
    if (keptLength < length) this.#keep(length - keptLength);
    return this.#kept.subarray(this.#keptStart, this.#keptStart + length);
  }

  /** Like {@link peek}, but returns more bytes where they cost no copy. */
  peekAtLeast(length: number): Uint8Array {
    return this.peek(Math.max(length, this.#keptLength || this.length));
  }

  /** The big-endian number of 32 bits at an offset. The caller has seen that it is there. */
  uint32(offset: number): number {
    let value = 0;
    for (let i = offset; i < offset + 4; i++) {
      const inChunk = i - this.#keptLength;
      const byte = inChunk < 0 ? this.#kept[this.#keptStart + i] : this.#chunk[this.#chunkStart + inChunk];
      value = value * 0x100 + (byte ?? 0);
    }
    return value;
  }

  /** Consumes the next `length` bytes, which the caller has seen are there. Valid until {@link settle}. */
  take(length: number): Uint8Array {
    const bytes = this.peek(length);
    if (this.#keptLength > 0) {
      this.#keptStart += length;
      this.#used.push(bytes);
    } else this.#chunkStart += length;
    return bytes;
  }

  /** Returns what was consumed since the last call, or since the chunk came. Valid until {@link settle}. */
  used(): readonly Uint8Array[] {
    const used = [...this.#used, this.#chunk.subarray(this.#usedStart, this.#chunkStart)];
    this.#used = [];
    this.#usedStart = this.#chunkStart;
    return used;
  }

  /** Copies what is left of the caller's chunk, so that the caller may use its memory again. */
  settle(): void {
    if (this.#keptLength === 0) this.#keptStart = this.#keptEnd = 0;
    this.#keep(this.#chunk.length - this.#chunkStart);
    this.#chunk = NOTHING;
    this.#chunkStart = 0;
    this.#used = [];
    this.#usedStart = 0;
  }

  /**
   * Moves the next `length` bytes of the chunk to the copies, with room to grow: the cost of input byte by byte stays
   * linear.
   */
  #keep(length: number): void {
    if (length === 0) return;
    const keptLength = this.#keptLength;
    if (this.#keptEnd + length > this.#kept.length) {
      const roomy = new Uint8Array(keptLength === 0 ? length : 2 * (keptLength + length));
      roomy.set(this.#kept.subarray(this.#keptStart, this.#keptEnd));
      this.#kept = roomy;
      this.#keptStart = 0;
      this.#keptEnd = keptLength;
    }
    this.#kept.set(this.#chunk.subarray(this.#chunkStart, this.#chunkStart + length), this.#keptEnd);
    this.#keptEnd += length;
    this.#chunkStart += length;
    this.#usedStart = this.#chunkStart;
  }
}
