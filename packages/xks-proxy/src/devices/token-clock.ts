import type { Deadline } from '../deadline.ts';

/** Measures the part of one call to a device that was spent in tokens. */
export interface TokenClock {
  /** For the options of the call. */
  readonly onTokenTime: (elapsedMs: number) => void;
  /**
   * The sum of what the device has reported; all the time since the clock was made if it reported nothing, or if the deadline
   * is reached: a call that has not returned has reported its first parts only.
   */
  readonly elapsedMs: () => number;
}

/** A clock for a call that begins now and is given up at the deadline. */
export function tokenClock(deadline: Deadline): TokenClock {
  const startedAtMs = performance.now();
  let reportedMs: number | undefined;
  return {
    onTokenTime(elapsedMs) {
      reportedMs = (reportedMs ?? 0) + elapsedMs;
    },
    elapsedMs() {
      const wholeMs = performance.now() - startedAtMs;
      return deadline.remainingMs() > 0 ? (reportedMs ?? wholeMs) : wholeMs;
    },
  };
}
