import { concat, NOTHING, wipeAll } from './bytes.ts';

/**
 * Bytes in the order in which they came. Long arrays stay as they are, short ones are copied together: no more memory
 * is taken than about twice what there is. What is given away shares its memory with nothing else, so that whoever gets
 * it may wipe it, and hand it over to a thread.
 */
export class Parts {
  /** True if everything is to be in one array in the end, so that nothing stays as it is. */
  readonly isJoined: boolean;
  readonly #allocate: (length: number) => Uint8Array<ArrayBuffer>;
  #parts: Uint8Array<ArrayBuffer>[] = [];
  #length = 0;
  /** Where short arrays are copied to, and how far it is full. */
  #block = NOTHING;
  #end = 0;
  #nextBlockLength = 0;

  /** @param allocate takes memory, which need not be zeroed */
  constructor(allocate: (length: number) => Uint8Array<ArrayBuffer>, isJoined = false) {
    this.#allocate = allocate;
    this.isJoined = isJoined;
  }

  /** Bytes that are there. */
  get length(): number {
    return this.#length;
  }

  /** Where to write what was reserved last. */
  get block(): Uint8Array {
    return this.#block;
  }

  /** True if an array of this length would be copied: whoever can write it to its place should. */
  copies(length: number): boolean {
    return this.isJoined || length < LONG_LENGTH;
  }

  /** Says how many bytes may be reserved and copied before the next {@link take}, so that they get one array. */
  expect(length: number): void {
    this.#nextBlockLength = length;
  }

  /** Makes room behind what is there, which the caller writes at once: answers its offset in {@link block}. */
  reserve(length: number): number {
    if (this.#block.length - this.#end < length) {
      this.#closeBlock();
      this.#block = this.#allocate(Math.max(length, this.#nextBlockLength));
      this.#nextBlockLength = Math.min(2 * this.#block.length, LONG_LENGTH);
    }
    const offset = this.#end;
    this.#end += length;
    this.#length += length;
    return offset;
  }

  /** Adds an array that nobody else uses any more. A short one is copied and wiped, unless nothing else is expected. */
  put(bytes: Uint8Array<ArrayBuffer>): void {
    const isAll = this.isJoined && this.#length === 0 && bytes.length === this.#nextBlockLength;
    if (!isAll && this.copies(bytes.length)) {
      this.putCopy(bytes);
      bytes.fill(0);
      return;
    }
    this.#closeBlock();
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }

  /** Adds a copy. */
  putCopy(bytes: Uint8Array): void {
    const offset = this.reserve(bytes.length);
    this.#block.set(bytes, offset);
  }

  /** Gives everything away. */
  take(): readonly Uint8Array<ArrayBuffer>[] {
    this.#closeBlock();
    const parts = this.#parts;
    this.#parts = [];
    this.#length = 0;
    this.#nextBlockLength = 0;
    return parts;
  }

  /** Gives everything away in one array. */
  join(): Uint8Array<ArrayBuffer> {
    const parts = this.take();
    const [only] = parts;
    if (only !== undefined && parts.length === 1) return only;
    const joined = concat(parts);
    wipeAll(parts);
    return joined;
  }

  /** Drops and zeroes everything. */
  wipe(): void {
    wipeAll(this.take());
  }

  #closeBlock(): void {
    // Memory that was not zeroed may hold anything, and a view lets its buffer be seen.
    if (this.#end < this.#block.length) this.#block.fill(0, this.#end);
    if (this.#end > 0) this.#parts.push(this.#block.subarray(0, this.#end));
    this.#block = NOTHING;
    this.#end = 0;
  }
}

/** Bytes that go through a cipher at once: what comes out still fits in the processor's cache. */
export const PIECE_LENGTH = 2 ** 16;

/** From here on, another part costs less than a copy. */
const LONG_LENGTH = 2 ** 14;
