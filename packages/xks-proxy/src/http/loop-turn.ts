/**
 * How long this turn of the event loop has been at requests, in milliseconds. Call it when a request begins.
 *
 * What arrives together is worked off one after the other in one turn. The last ones have waited for as long as the turn
 * has lasted, which no clock that starts with a request would show.
 */
export function turnElapsedMs(): number {
  if (turnStartedAtMs !== undefined) return performance.now() - turnStartedAtMs;
  turnStartedAtMs = performance.now();
  setImmediate(() => {
    turnStartedAtMs = undefined;
  });
  return 0;
}

/** Of the one event loop that this thread has. */
let turnStartedAtMs: number | undefined;
