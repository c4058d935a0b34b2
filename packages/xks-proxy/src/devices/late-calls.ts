/** Calls that were given up at their deadline, and have not returned. */
export interface LateCalls {
  /** Counts a call that is given up now, until it returns. */
  add(call: Promise<unknown>): void;
  /** How many there are that were given up `forMs` ago, or before; all of them by default. */
  count(forMs?: number): number;
}

/** None yet. */
export function lateCalls(): LateCalls {
  const givenUpAtMs = new Map<Promise<unknown>, number>();
  return {
    add(call) {
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
