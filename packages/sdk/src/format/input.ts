/**
 * Bytes that came in and are not used up yet. Takes memory for what has come, never for a length that a
 * message merely claims.
 */
export class Input {
  #bytes: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  /** False while #bytes is the caller's chunk, which is neither kept nor written to. */
  #owned = true;

  get length(): number {
    return this.#end - this.#start;
  }

  /** Adds a chunk, which may be referred to until {@link settle} is called. */
  push(chunk: Uint8Array): void {
    if (this.length === 0) {
      this.wipe();
      this.#bytes = chunk;
      this.#end = chunk.length;
      this.#owned = false;
      return;
    }
    if (!this.#owned || this.#end + chunk.length > this.#bytes.length) this.#own(this.length + chunk.length);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** All that is here; good until the next call of another method. */
  view(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /** A part of what is here; good until the next call of another method. The caller has seen that it is there. */
  peek(start: number, end: number): Uint8Array {
    return this.#bytes.subarray(this.#start + start, this.#start + end);
  }

  /** The big-endian number of 32 bits at an offset. The caller has seen that it is there. */
  uint32(offset: number): number {
    // A view for numbers would have to be made for each chunk.
    let value = 0;
    const start = this.#start + offset;
    for (let i = start; i < start + 4; i++) value = value * 0x100 + (this.#bytes[i] ?? 0);
    return value;
  }

  /** The next `length` bytes, which are then used up. The caller has seen that they are there. */
  take(length: number): Uint8Array {
    this.#start += length;
    return this.#bytes.subarray(this.#start - length, this.#start);
  }

  /** Copies what is left of the caller's chunk, so that the caller may use its memory again. */
  settle(): void {
    if (!this.#owned) this.#own(this.length);
  }

  /** Drops everything, and zeroes what was copied. */
  wipe(): void {
    if (this.#owned) this.#bytes.fill(0);
    this.#bytes = NOTHING;
    this.#start = this.#end = 0;
    this.#owned = true;
  }

  /** Moves the content to memory of our own, with room to grow: bytewise input stays linear in cost. */
  #own(length: number): void {
    const content = this.view();
    const roomy = new Uint8Array(length === content.length ? length : length * 2);
    roomy.set(content);
    this.wipe();
    this.#bytes = roomy;
    this.#end = content.length;
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
      this.#step = this.#parser.next(input.view());
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
