/** Keeps long work from blocking the event loop: about a millisecond of it at a time. */
export class Pace {
  #cost = 0;

  /** Counts a frame that was worked on; true if it is time to yield to the event loop. */
  isDue(frameBytes: number): boolean {
    this.#cost += frameBytes + FRAME_COST;
    if (this.#cost < MAX_COST) return false;
    this.#cost = 0;
    return true;
  }
}

/** Starting a frame costs as much as about so many bytes of it. */
const FRAME_COST = 2 ** 13;
const MAX_COST = 2 ** 20;
