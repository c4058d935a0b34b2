/**
 * Resolves when the requests that arrived with this one have been read too: at the end of this turn of the event loop, or
 * when there are 64 of them.
 *
 * Reading requests, calling the token and writing answers each need code and data of their own, which do not fit into the
 * processor's caches together. Done in stages, for all requests of a turn at once, they take a third less processor time.
 */
export function readTogether(): Promise<void> {
  batch ??= beginBatch();
  batch.requests += 1;
  const { released, release } = batch;
  if (batch.requests === MAX_REQUESTS) release();
  return released;
}

interface Batch {
  readonly released: Promise<void>;
  readonly release: () => void;
  requests: number;
}

function beginBatch(): Batch {
  let resolve = (): void => undefined;
  const released = new Promise<void>((settle) => {
    resolve = settle;
  });
  const begun: Batch = {
    released,
    release() {
      if (batch === begun) batch = undefined;
      resolve();
    },
    requests: 0,
  };
  setImmediate(begun.release);
  return begun;
}

/** As long as that many take, the last one of them waits: some milliseconds. */
const MAX_REQUESTS = 64;
// Of the one event loop that this thread has.
let batch: Batch | undefined;
