import { writeUtf8 } from '../bytes.ts';

/** Writes fields one behind the other into one array, which is as long as they can become. */
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

  /** A text in UTF-8 behind its length in 16 bits. Answers that length: one that has no room there is for the caller to refuse. */
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
