/** Calls that were given up at their deadline, and have not returned. */
export interface LateCalls {
  /** Counts a call that is given up now, until it returns. */
  add(call: Promise<unknown>): void;
  /** The number of those that were given up `forMs` ago or earlier; all of them by default. */
  count(forMs?: number): number;
}

/**
 * A count of late calls, which has none yet.
 *
 * @param all another count that gets the same calls
 */
export function lateCalls(all?: LateCalls): LateCalls {
  const givenUpAtMs = new Map<Promise<unknown>, number>();
  return {
    add(call) {
      all?.add(call);
      givenUpAtMs.set(call, performance.now());
      const forget = () => void givenUpAtMs.delete(call);
      call.then(forget, forget);
    },
    count(forMs = 0) {
      const latestMs = performance.now() - forMs;
      return [...givenUpAtMs.values()].filter((atMs) => atMs <= latestMs).length;
    },
  };
}

/**
 * Whether so many calls of a token never returned that only another process can make more. Each of them keeps its session,
 * and its thread of libuv. Without threads the process cannot even read a file, so it waits less long for those.
 */
export function areLost(late: LateCalls, maxSessions: number): boolean {
  return areThreadsLost(late) || late.count(SESSIONS_LOST_MS) >= maxSessions;
}

/** Whether so many calls, of one token or of several, never returned that libuv has no thread left. */
export function areThreadsLost(late: LateCalls = LATE_IN_LIBUV): boolean {
  return late.count(THREADS_LOST_MS) >= LIBUV_THREADS;
}

/** The late calls of all tokens of this process whose calls run in threads of libuv. */
export const LATE_IN_LIBUV = lateCalls();

// The event loop may stand still for the same time before the process is replaced.
const THREADS_LOST_MS = 5000;
// An HSM may take half of this time to fail over, and its calls return then.
const SESSIONS_LOST_MS = 60_000;
// Read as libuv does.
const LIBUV_THREADS = Math.max(1, Number.parseInt(process.env['UV_THREADPOOL_SIZE'] ?? '4', 10) || 1);
