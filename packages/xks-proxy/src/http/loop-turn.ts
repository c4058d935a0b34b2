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
 * Requests that arrive together are read, and then worked off in groups. The last ones wait for all others, which
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
 * Resolves when the requests that arrived in the same turn have been read, and the work of the groups before that of this
 * request has been done as far as it goes at once.
 *
 * Each stage of a request needs code and data of its own, and those of all stages do not fit into the processor's caches
 * together. So the requests of a group go through each stage together, which takes less processor time: all are read, all are
 * verified, all call the token, and all are answered. A group has work for about eight milliseconds: a request waits for
 * the others of its group.
 */
export function turnToWork(): Promise<void> {
  waiting += 1;
  if (group === undefined || group.size === MAX_GROUP || group.size * workMs >= MAX_GROUP_MS) {
    group = newGroup();
  }
  group.size += 1;
  return group.begins;
}

/** Requests whose work begins together. */
interface Group {
  size: number;
  readonly begins: Promise<void>;
}

function newGroup(): Group {
  let beganAtMs = 0;
  const created: Group = {
    size: 0,
    begins: new Promise((resolve) => {
      // Node runs what awaits the promise, as far as that goes at once, before it calls the next immediate.
      setImmediate(() => {
        if (group === created) group = undefined;
        waiting -= created.size;
        beganAtMs = performance.now();
        resolve();
      });
      setImmediate(() => {
        // A request on its own finds cold caches, or code that has not been compiled.
        if (created.size === 1 && waiting === 0) return;
        const meanMs = (performance.now() - beganAtMs) / created.size;
        workMs += (meanMs - workMs) * (1 - OLDER_SHARE ** created.size);
      });
    }),
  };
  return created;
}

const MAX_GROUP_MS = 8;
/** The token may take much longer today than it took until now. */
const MAX_GROUP = 32;
/** Of what was known before a request, in what is known after it. */
const OLDER_SHARE = 0.9;
// Of the one event loop that this thread has.
let requests = 0;
let startedAtMs = 0;
let waiting = 0;
/** Until more is known, what a request takes on a slow machine. */
let workMs = 0.5;
let group: Group | undefined;
