import { utf8Text } from '../bytes.ts';

/**
 * Reads one unit of a message: a header, a footer. The cursor throws if a field has not fully arrived; the parser is
 * then called again when more has come, with the cursor where it was last marked.
 */
export type Parser<T> = (cursor: Cursor) => T;

/** The position of a parser in its unit. */
export class Cursor {
  offset = 0;
  #bytes: Uint8Array;
  #markedOffset = 0;
  readonly #tooShort: (neededLength: number) => Error;

  /** @param tooShort makes the error for a field that has not fully arrived, from the least length of the unit */
  constructor(bytes: Uint8Array, tooShort: (neededLength: number) => Error) {
    this.#bytes = bytes;
    this.#tooShort = tooShort;
  }

  /** Marks the position: the bytes before it need not be read again. */
  mark(): void {
    this.#markedOffset = this.offset;
  }

  /** Goes back to the mark. `bytes` are the earlier ones, and more. */
  resume(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.offset = this.#markedOffset;
  }

  /** A copy of the next `length` bytes. */
  bytes(length: number): Uint8Array {
    return this.#bytes.slice(this.#pass(length), this.offset);
  }

  /** The next `length` bytes, at most six, as a big-endian number. */
  number(length: number): number {
    let value = 0;
    for (let i = this.#pass(length); i < this.offset; i++) value = value * 0x100 + (this.#bytes[i] ?? 0);
    return value;
  }

  /** A copy of the next field, whose length stands before it in 16 bits. */
  field(): Uint8Array {
    return this.bytes(this.number(2));
  }

  /** The next field as text; `undefined` unless it is UTF-8. */
  text(): string | undefined {
    return utf8Text(this.#bytes, this.#pass(this.number(2)), this.offset);
  }

  /** Moves on by `length`, and returns the earlier position. */
  #pass(length: number): number {
    const start = this.offset;
    const end = start + length;
    if (end > this.#bytes.length) throw this.#tooShort(end);
    this.offset = end;
    return start;
  }
}
