import { plainView } from '../bytes.ts';

/**
 * Bytes of a message that came in and are not used up yet. Takes memory for what has come, never for a length that a
 * message merely claims. Of a chunk, no more is copied than the rest of a unit that began in an earlier one, and what is
 * left over in the end.
 */
export class Input {
  /** Copies of ours, which come first. */
  #kept: Uint8Array = NOTHING;
  #keptStart = 0;
  #keptEnd = 0;
  /** The caller's chunk, which is neither kept nor written to. */
  #chunk: Uint8Array = NOTHING;
  #chunkStart = 0;

  get length(): number {
    return this.#keptLength + this.#chunk.length - this.#chunkStart;
  }

  /** Bytes that lie in a row, so that a view of them costs no copy. */
  get rowLength(): number {
    return this.#keptLength || this.#chunk.length - this.#chunkStart;
  }

  get #keptLength(): number {
    return this.#keptEnd - this.#keptStart;
  }

  /** Adds a chunk, which may be referred to until {@link settle} is called. */
  push(chunk: Uint8Array): void {
    this.settle();
    this.#chunk = plainView(chunk);
    this.#chunkStart = 0;
  }

  /** A part of what is here; good until the next call of another method. The caller has seen that it is there. */
  peek(start: number, end: number): Uint8Array {
    const keptLength = this.#keptLength;
    if (keptLength === 0) return this.#chunk.subarray(this.#chunkStart + start, this.#chunkStart + end);
    if (keptLength < end) this.#keep(end - keptLength);
    return this.#kept.subarray(this.#keptStart + start, this.#keptStart + end);
  }

  /** The byte at an offset. The caller has seen that it is there. */
  byte(offset: number): number {
    const inChunk = offset - this.#keptLength;
    const byte = inChunk < 0 ? this.#kept[this.#keptStart + offset] : this.#chunk[this.#chunkStart + inChunk];
    return byte ?? 0;
  }

  /** The big-endian number of 32 bits at an offset. The caller has seen that it is there. */
  uint32(offset: number): number {
    let value = 0;
    for (let i = offset; i < offset + 4; i++) value = value * 0x100 + this.byte(i);
    return value;
  }

  /** The next `length` bytes, which are then used up; good until {@link settle}. The caller has seen that they are there. */
  take(length: number): Uint8Array {
    const bytes = this.peek(0, length);
    this.skip(length);
    return bytes;
  }

  /** Uses the next `length` bytes up. The caller has seen that they are there. */
  skip(length: number): void {
    const kept = Math.min(length, this.#keptLength);
    this.#keptStart += kept;
    this.#chunkStart += length - kept;
  }

  /** Copies what is left of the caller's chunk, so that the caller may use its memory again. */
  settle(): void {
    if (this.#keptLength === 0) this.#keptStart = this.#keptEnd = 0;
    this.#keep(this.#chunk.length - this.#chunkStart);
    this.#chunk = NOTHING;
    this.#chunkStart = 0;
  }

  /** Moves the next `length` bytes of the chunk to memory of ours, with room to grow: bytewise input stays linear in cost. */
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
  }
}

/**
 * Reads one unit of a message: a header, a footer. It yields how many bytes of its unit it needs in
 * all, and is resumed with a view of at least so many; it returns the unit and its length in bytes.
 */
export type Parser<T> = Generator<number, { readonly unit: T; readonly length: number }, Uint8Array>;

/** A unit that may still be coming in. */
export class UnitReader<T> {
  readonly #parser: Parser<T>;
  #step: ReturnType<Parser<T>['next']>;

  constructor(parser: Parser<T>) {
    this.#parser = parser;
    this.#step = parser.next(NOTHING);
  }

  /** The unit and its bytes once the input suffices, else `undefined`. Resumes where the last call stopped. */
  read(input: Input): { readonly unit: T; readonly raw: Uint8Array } | undefined {
    while (this.#step.done !== true) {
      if (input.length < this.#step.value) return undefined;
      // Of a unit that began in an earlier chunk, no more is copied than it needs.
      const end = input.rowLength === input.length ? input.length : this.#step.value;
      this.#step = this.#parser.next(input.peek(0, end));
    }
    const { unit, length } = this.#step.value;
    return { unit, raw: input.take(length) };
  }
}

/** Where a parser stands in its unit. */
export class Cursor {
  offset = 0;
  #view: Uint8Array = NOTHING;

  /** Everything read so far; good until the next `yield`. */
  get read(): Uint8Array {
    return this.#view.subarray(0, this.offset);
  }

  /** The next `length` bytes; good until the next `yield`. */
  *bytes(length: number): Generator<number, Uint8Array, Uint8Array> {
    const end = this.offset + length;
    while (this.#view.length < end) this.#view = yield end;
    const bytes = this.#view.subarray(this.offset, end);
    this.offset = end;
    return bytes;
  }

  /** The next `length` bytes, at most six, as a big-endian number. */
  *number(length: number): Generator<number, number, Uint8Array> {
    const end = this.offset + length;
    while (this.#view.length < end) this.#view = yield end;
    let value = 0;
    while (this.offset < end) value = value * 0x100 + (this.#view[this.offset++] ?? 0);
    return value;
  }

  /** A copy of the next bytes, whose count stands before them in 16 bits. */
  *field(): Generator<number, Uint8Array, Uint8Array> {
    const length = yield* this.number(2);
    return (yield* this.bytes(length)).slice();
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);
