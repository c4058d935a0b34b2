import { setMaxListeners } from 'node:events';
import { XksException } from './errors.ts';

/** The end of the time that a request, or a part of it, has. */
export interface Deadline {
  /** Aborted with a `DependencyTimeoutException` when it is reached. Made for whoever asks: most never do. */
  readonly signal: AbortSignal;
  /** Milliseconds until it is reached; none afterwards. */
  remainingMs(): number;
  /** Throws that exception once it is. */
  throwIfReached(): void;
  /** Has `reached` called with that exception when it comes; not any more once the returned function was called. */
  whenReached(reached: (reason: XksException) => void): () => void;
}

/** A deadline in `timeoutMs`, or when the one is reached that it is a part of. It keeps no process from its end. */
export function deadlineIn(timeoutMs: number, whole?: Deadline): Deadline {
  let controller: AbortController | undefined;
  let isReached = false;
  let reason: XksException | undefined;
  const listeners = new Set<(reason: XksException) => void>();
  const reasonOf = (): XksException => {
    reason ??= timedOut();
    return reason;
  };
  const expire = (ofWhole?: XksException): void => {
    if (isReached) return;
    isReached = true;
    reason = ofWhole;
    controller?.abort(reasonOf());
    for (const reached of listeners) reached(reasonOf());
    listeners.clear();
  };
  const endsAtMs = performance.now() + Math.min(timeoutMs, whole?.remainingMs() ?? timeoutMs);
  const forget = whole?.whenReached(expire);
  setTimeout(() => {
    forget?.();
    expire();
  }, timeoutMs).unref();
  return {
    get signal() {
      if (controller === undefined) {
        controller = new AbortController();
        // As many wait for a session by it as there are requests that share it: Node would take them for a leak.
        setMaxListeners(0, controller.signal);
        if (isReached) controller.abort(reasonOf());
      }
      return controller.signal;
    },
    remainingMs: () => (isReached ? 0 : Math.max(0, endsAtMs - performance.now())),
    throwIfReached() {
      if (isReached) throw reasonOf();
    },
    whenReached(reached) {
      listeners.add(reached);
      return () => void listeners.delete(reached);
    },
  };
}

/** A deadline that is looked at and does not tell when it comes: for who cannot be interrupted. */
export function silentDeadline(timeoutMs: number): Deadline {
  const endsAtMs = performance.now() + timeoutMs;
  const isReached = () => performance.now() >= endsAtMs;
  return {
    get signal() {
      return isReached() ? AbortSignal.abort(timedOut()) : NEVER;
    },
    remainingMs: () => Math.max(0, endsAtMs - performance.now()),
    throwIfReached() {
      if (isReached()) throw timedOut();
    },
    whenReached: () => () => undefined,
  };
}

/**
 * Deadlines of requests that all have the same time. Those that begin within moments of each other share one, since its
 * timer and its signal cost more than anything else about it: so they have up to five milliseconds less, and never more.
 */
export function sharedDeadlines(timeoutMs: number): () => Deadline {
  let shared: Deadline | undefined;
  let sharedUntilMs = Number.NEGATIVE_INFINITY;
  return () => {
    const nowMs = performance.now();
    if (shared === undefined || nowMs >= sharedUntilMs) {
      shared = deadlineIn(timeoutMs);
      sharedUntilMs = nowMs + Math.min(MAX_SHARED_MS, timeoutMs * MAX_SHARED_PART);
    }
    return shared;
  };
}

/**
 * The result of `work`, or the `DependencyTimeoutException` once the deadline is reached: a call that is in the token
 * cannot be taken back, only its result ignored.
 */
export function inTime<T>(work: Promise<T>, deadline: Deadline | undefined): Promise<T> {
  if (deadline === undefined) return work;
  return new Promise((resolve, reject) => {
    const forget = deadline.whenReached(reject);
    work.then(
      (result) => {
        forget();
        return resolve(result);
      },
      (error: unknown) => {
        forget();
        return reject(error);
      },
    );
  });
}

/** That a token did not answer in time. */
export const timedOut = () =>
  new XksException('DependencyTimeoutException', 'The external key manager did not answer in time.');

const NEVER = new AbortController().signal;
const MAX_SHARED_MS = 5;
const MAX_SHARED_PART = 0.05;
