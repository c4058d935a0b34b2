import { NOTHING } from '../bytes.ts';
import { Cursor, type Parser } from './cursor.ts';
import type { Input } from './input.ts';

/** A unit, and a copy of the bytes that it was read from, so that the caller's memory may change. */
export interface ReadUnit<T> {
  readonly unit: T;
  readonly raw: Uint8Array;
}

/** Reads a unit that may not have fully arrived. */
export class UnitReader<T> {
  readonly #parse: Parser<T>;
  readonly #cursor = new Cursor(NOTHING, (neededLength) => {
    this.#neededLength = neededLength;
    return TOO_SHORT;
  });
  #neededLength = 0;

  constructor(parse: Parser<T>) {
    this.#parse = parse;
  }

  /** Returns the unit and its bytes if the input suffices, else `undefined`, and then the input is settled. */
  read(input: Input): ReadUnit<T> | undefined {
    while (input.length >= this.#neededLength) {
      this.#cursor.resume(input.peekAtLeast(this.#neededLength));
      try {
        const unit = this.#parse(this.#cursor);
        return { unit, raw: input.take(this.#cursor.offset).slice() };
      } catch (error) {
        if (error !== TOO_SHORT) throw error;
      }
    }
    // Part of the unit has been read, and must not change any more.
    input.settle();
    return undefined;
  }
}

/** Made once: capturing a stack for each would cost more than reading on. */
const TOO_SHORT = new Error('too short');
