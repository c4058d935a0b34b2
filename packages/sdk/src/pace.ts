import { yieldToEventLoop } from '#crypto';

/** Keeps long work from blocking the event loop: about a millisecond's worth of bytes at a time. */
export class Pace {
  #bytes = 0;

  /** Counts bytes that were worked on; true if it is time to wait for {@link yieldToEventLoop}. */
  isDue(bytes: number): boolean {
    this.#bytes += bytes;
    if (this.#bytes < bytesBetweenYields) return false;
    this.#bytes = 0;
    return true;
  }
}

export { yieldToEventLoop };

const bytesBetweenYields = 2 ** 19;
