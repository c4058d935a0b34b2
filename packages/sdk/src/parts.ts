import { concat, NOTHING, wipeAll } from './bytes.ts';

/**
 * Collects bytes in their order. Long arrays are kept as they are, short ones are copied together: no more memory is
 * taken than about twice the length. Arrays that are returned share their memory with nothing else, so that the caller
 * may wipe them, or transfer them to a thread.
 */
export class Parts {
  /** True if all bytes are to be in one array in the end, so that every array is copied. */
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

  /** Bytes collected so far. */
  get length(): number {
    return this.#length;
  }

  /** The array in which {@link reserve} made room last. */
  get block(): Uint8Array {
    return this.#block;
  }

  /** True if an array of this length would be copied: a caller that can write it to its place should. */
  copies(length: number): boolean {
    return this.isJoined || length < LONG_LENGTH;
  }

  /** Says how many bytes may be reserved and copied before the next {@link take}, so that they get one array. */
  expect(length: number): void {
    this.#nextBlockLength = length;
  }

  /** Makes room after the bytes so far, which the caller fills at once: returns its offset in {@link block}. */
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

  /** Adds an array that the caller gives up. A short one is copied and wiped, unless no other bytes are expected. */
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

  /** Returns all bytes, and keeps none. */
  take(): readonly Uint8Array<ArrayBuffer>[] {
    this.#closeBlock();
    const parts = this.#parts;
    this.#parts = [];
    this.#length = 0;
    this.#nextBlockLength = 0;
    return parts;
  }

  /** Returns all bytes in one array, and keeps none. */
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
    // Memory that was not zeroed may hold anything, and a view exposes its whole buffer.
    if (this.#end < this.#block.length) this.#block.fill(0, this.#end);
    if (this.#end > 0) this.#parts.push(this.#block.subarray(0, this.#end));
    this.#block = NOTHING;
    this.#end = 0;
  }
}

/** Bytes that go through a cipher at once: the output still fits in the processor's cache. */
export const PIECE_LENGTH = 2 ** 16;

/** From this length on, another part costs less than a copy. */
const LONG_LENGTH = 2 ** 14;
