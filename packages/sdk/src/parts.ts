import { concat, plainView } from './bytes.ts';

/**
 * Bytes in the order in which they came. Long arrays stay as they are, short ones are copied together: no more memory
 * is taken than about twice what there is. What is given away shares its memory with nothing else, so that whoever gets
 * it may wipe it, and hand it over to a thread.
 */
export class Parts {
  /** True if everything is to be in one array in the end, so that nothing stays as it is. */
  readonly isJoined: boolean;
  readonly #allocate: (length: number) => Uint8Array;
  #parts: Uint8Array[] = [];
  #length = 0;
  /** Where short arrays are copied to. What lies before `#start` is in the parts already, or nobody's. */
  #block: Uint8Array = NOTHING;
  #start = 0;
  #end = 0;
  #nextBlockLength = MIN_BLOCK_LENGTH;
  /** How much of it {@link fresh} has told of: parts, and bytes behind them. */
  #toldParts = 0;
  #toldBytes = 0;

  /** @param allocate takes memory, which need not be zeroed */
  constructor(allocate: (length: number) => Uint8Array, isJoined = false) {
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
    this.#nextBlockLength = this.isJoined ? length : Math.max(length, MIN_BLOCK_LENGTH);
  }

  /** Makes room behind what is there, which the caller writes at once: answers its offset in {@link block}. */
  reserve(length: number): number {
    if (this.#block.length - this.#end < length) this.#startBlock(length);
    const offset = this.#end;
    this.#end += length;
    this.#length += length;
    return offset;
  }

  /** Adds an array that nobody else uses any more. A short one is copied and wiped. */
  put(bytes: Uint8Array): void {
    const plain = plainView(bytes);
    if (this.copies(plain.length)) {
      this.putCopy(plain);
      plain.fill(0);
      return;
    }
    this.#closeBlock();
    this.#block = NOTHING;
    this.#start = this.#end = 0;
    this.#nextBlockLength = MIN_BLOCK_LENGTH;
    this.#parts.push(plain);
    this.#length += plain.length;
  }

  /** Adds a copy. */
  putCopy(bytes: Uint8Array): void {
    const offset = this.reserve(bytes.length);
    this.#block.set(bytes, offset);
  }

  /** What has come since the last call. */
  fresh(): readonly Uint8Array[] {
    const fresh: Uint8Array[] = [];
    for (const part of this.#parts.slice(this.#toldParts)) {
      fresh.push(this.#toldBytes === 0 ? part : part.subarray(this.#toldBytes));
      this.#toldBytes = 0;
    }
    const start = this.#start + this.#toldBytes;
    if (this.#end > start) fresh.push(this.#block.subarray(start, this.#end));
    this.#toldParts = this.#parts.length;
    this.#toldBytes = this.#end - this.#start;
    return fresh;
  }

  /** Gives everything away. */
  take(): readonly Uint8Array[] {
    this.#closeBlock();
    const parts = this.#parts;
    this.#forget();
    return parts;
  }

  /** Gives everything away in one array. */
  join(): Uint8Array {
    const parts = this.take();
    const [only] = parts;
    if (only !== undefined && parts.length === 1) return only;
    const joined = concat(parts);
    for (const part of parts) part.fill(0);
    return joined;
  }

  /** Drops and zeroes everything. */
  wipe(): void {
    for (const part of this.#parts) part.fill(0);
    this.#block.fill(0);
    this.#forget();
  }

  #startBlock(length: number): void {
    this.#closeBlock();
    const blockLength = Math.max(length, this.#nextBlockLength);
    this.#block = this.#allocate(blockLength);
    this.#start = this.#end = 0;
    this.#nextBlockLength = Math.min(2 * blockLength, LONG_LENGTH);
  }

  #closeBlock(): void {
    if (this.#end > this.#start) this.#parts.push(this.#block.subarray(this.#start, this.#end));
    this.#start = this.#end;
    // Memory that was not zeroed may hold anything, and a view lets its buffer be seen.
    this.#block.fill(0, this.#end);
  }

  #forget(): void {
    this.#parts = [];
    this.#block = NOTHING;
    this.#start = this.#end = this.#length = this.#toldParts = this.#toldBytes = 0;
    this.#nextBlockLength = MIN_BLOCK_LENGTH;
  }
}

/** Bytes that go through a cipher at once: what comes out still fits in the processor's cache. */
export const PIECE_LENGTH = 2 ** 16;

/** From here on, another part costs less than a copy. */
const LONG_LENGTH = 2 ** 14;
const MIN_BLOCK_LENGTH = 64;
const NOTHING: Uint8Array = new Uint8Array(0);
