import { setMaxListeners } from 'node:events';
import { XksException } from './errors.ts';

/** The end of the time that a request, or a part of it, has. */
export interface Deadline {
  /** Aborted with a `DependencyTimeoutException` when it is reached. */
  readonly signal: AbortSignal;
  /** Has `reached` called with that exception when it comes; not any more once the returned function was called. */
  whenReached(reached: (reason: XksException) => void): () => void;
}

/** A deadline in `timeoutMs`, or when the one is reached that it is a part of. It keeps no process from its end. */
export function deadlineIn(timeoutMs: number, whole?: Deadline): Deadline {
  const controller = new AbortController();
  // As many wait for a session by it as there are requests that share it: Node would take them for a leak.
  setMaxListeners(0, controller.signal);
  const listeners = new Set<(reason: XksException) => void>();
  const expire = (reason: XksException): void => {
    if (controller.signal.aborted) return;
    controller.abort(reason);
    for (const reached of listeners) reached(reason);
    listeners.clear();
  };
  const forget = whole?.whenReached(expire);
  setTimeout(() => {
    forget?.();
    expire(timedOut());
  }, timeoutMs).unref();
  return {
    signal: controller.signal,
    whenReached(reached) {
      listeners.add(reached);
      return () => void listeners.delete(reached);
    },
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

const MAX_SHARED_MS = 5;
const MAX_SHARED_PART = 0.05;
