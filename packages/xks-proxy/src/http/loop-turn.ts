/** One turn of the event loop, as far as it has gone. */
export interface LoopTurn {
  /** Requests that began in it. */
  readonly requests: number;
  /** Milliseconds since the first of them. */
  readonly elapsedMs: number;
}

/**
 * Tells of this turn of the event loop. Call it once for each request, when it begins.
 *
 * What arrives together is worked off one after the other in one turn. The last ones have waited for as long as the turn
 * has lasted, which no clock that starts with a request would show.
 */
export function enterTurn(): LoopTurn {
  if (requests === 0) {
    startedAtMs = performance.now();
    setImmediate(() => {
      requests = 0;
    });
  }
  requests += 1;
  return { requests, elapsedMs: performance.now() - startedAtMs };
}

// Of the one event loop that this thread has.
let requests = 0;
let startedAtMs = 0;
