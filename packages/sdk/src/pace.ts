import { yieldToEventLoop } from '#crypto';

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

/**
 * Feeds a signature or its verification, and yields to the event loop within long parts, which would block it for too
 * long.
 */
export async function feed(
  sink: { update(bytes: Uint8Array): void } | undefined,
  parts: readonly Uint8Array[],
): Promise<void> {
  for (const bytes of parts) {
    for (let start = 0; start < bytes.length; start += MAX_COST) {
      if (start > 0) await yieldToEventLoop();
      sink?.update(bytes.subarray(start, start + MAX_COST));
    }
  }
}

/** Starting a frame costs as much as about this many bytes of it. */
const FRAME_COST = 2 ** 13;
const MAX_COST = 2 ** 19;
