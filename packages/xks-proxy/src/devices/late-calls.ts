/** Calls that were given up at their deadline, and have not returned. */
export interface LateCalls {
  /** Counts a call that is given up now, until it returns. */
  add(call: Promise<unknown>): void;
  /** How many there are that were given up `forMs` ago, or before; all of them by default. */
  count(forMs?: number): number;
}

/**
 * None yet.
 *
 * @param all where they are counted as well
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
 * Whether so many calls of a token never returned that only another process can make more. Each has kept its session, and
 * its thread of libuv: without threads the process cannot even read a file, so that is not waited for as long.
 */
export function areLost(late: LateCalls, maxSessions: number): boolean {
  return areThreadsLost(late) || late.count(SESSIONS_LOST_MS) >= maxSessions;
}

/** Whether so many calls never returned that libuv has no thread left, be they of one token or of several. */
export function areThreadsLost(late: LateCalls = LATE_IN_LIBUV): boolean {
  return late.count(THREADS_LOST_MS) >= LIBUV_THREADS;
}

/** Those of all tokens of this process whose calls run in threads of libuv. */
export const LATE_IN_LIBUV = lateCalls();

// As long as the event loop may stand still before the process is replaced.
const THREADS_LOST_MS = 5000;
// An HSM may take half of it to fail over, and calls return then.
const SESSIONS_LOST_MS = 60_000;
// As libuv reads it.
const LIBUV_THREADS = Math.max(1, Number.parseInt(process.env['UV_THREADPOOL_SIZE'] ?? '4', 10) || 1);
