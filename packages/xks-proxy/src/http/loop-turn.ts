/** One turn of the event loop, as far as it has gone. */
export interface LoopTurn {
  /** Requests that began in it. */
  readonly requests: number;
  /** Milliseconds since the first of them, and those that the requests which wait for their work will probably take. */
  readonly lateMs: number;
}

/**
 * Returns the state of this turn of the event loop. Call it once for each request, when it begins.
 *
 * Requests that arrive together are read, and then worked off, one after the other. The last ones wait for all others, which
 * no clock that starts with a request would show.
 */
export function enterTurn(): LoopTurn {
  if (requests === 0) {
    startedAtMs = performance.now();
    setImmediate(() => {
      requests = 0;
    });
  }
  requests += 1;
  return { requests, lateMs: performance.now() - startedAtMs + waiting * workMs };
}

/**
 * Resolves when the requests that arrived in the same turn have been read, and the work of those before this one has been done
 * as far as it goes at once.
 *
 * Reading requests and calling the token each need code and data of their own, which do not fit into the processor's caches
 * together: in two stages a request takes less processor time. The work is done one request after the other, so that one
 * session of a token whose calls block is enough for all of them.
 */
export function turnToWork(): Promise<void> {
  waiting += 1;
  return new Promise((resolve) => {
    // Node runs what awaits the promise before it calls the next immediate.
    setImmediate(() => {
      beginWork();
      resolve();
    });
  });
}

/** Learns how long work takes: the time between two requests that follow one another. */
function beginWork(): void {
  const nowMs = performance.now();
  if (previousWorkAtMs !== undefined) workMs += (nowMs - previousWorkAtMs - workMs) * NEWEST_SHARE;
  waiting -= 1;
  previousWorkAtMs = waiting > 0 ? nowMs : undefined;
}

const NEWEST_SHARE = 0.1;
// Of the one event loop that this thread has.
let requests = 0;
let startedAtMs = 0;
let waiting = 0;
/** Until more is known, what a request takes on a slow machine. */
let workMs = 0.5;
let previousWorkAtMs: number | undefined;
