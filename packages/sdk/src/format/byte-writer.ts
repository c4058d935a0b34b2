import { writeUtf8 } from '../bytes.ts';

/** Writes fields one after the other into one array, which has room for the longest that they can become. */
export class ByteWriter {
  readonly #bytes: Uint8Array;
  #length = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Bytes written. */
  get length(): number {
    return this.#length;
  }

  /** `value` as a big-endian number of `size` bytes, at most six. */
  number(size: number, value: number): void {
    this.#write(size, this.#length, value);
    this.#length += size;
  }

  bytes(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /**
   * A text in UTF-8, after its length in 16 bits. Returns that length: the caller has to refuse one that 16 bits cannot
   * hold.
   */
  text(text: string): number {
    const start = this.#length + 2;
    const end = writeUtf8(text, this.#bytes, start);
    this.#write(2, this.#length, end - start);
    this.#length = end;
    return end - start;
  }

  /** A view of all that was written. */
  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #write(size: number, offset: number, value: number): void {
    let rest = value;
    for (let i = offset + size - 1; i >= offset; i--) {
      this.#bytes[i] = rest;
      rest = Math.floor(rest / 0x100);
    }
  }
}
