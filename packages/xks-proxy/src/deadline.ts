import { setMaxListeners } from 'node:events';
import { XksException } from './xks-exception.ts';

/** The end of the time that a request, or a part of it, has. */
export interface Deadline {
  /** Aborted with a `DependencyTimeoutException` when it is reached. Made on first use: most callers never use it. */
  readonly signal: AbortSignal;
  /** Milliseconds until it is reached; none afterwards. */
  remainingMs(): number;
  /** Throws that exception once the deadline is reached. */
  throwIfReached(): void;
  /** Calls `reached` with that exception when the deadline is reached. The returned function cancels that. */
  whenReached(reached: (reason: XksException) => void): () => void;
}

/** A deadline in `timeoutMs`, or when `whole`, which it is a part of, is reached. It does not keep the process alive. */
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
        // All requests that share it may wait for a session with it: Node would take so many listeners for a leak.
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

/** A deadline without a timer: it has to be checked, and calls no listener. For work that cannot be interrupted. */
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
 * Deadlines of requests with the same timeout. Requests that begin within moments of each other share one, since its timer
 * and its signal are most of its cost: such a request has up to five milliseconds less, and never more.
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
 * Settles as `work`, or rejects with the `DependencyTimeoutException` once the deadline is reached: a call inside a token
 * cannot be cancelled, only its result ignored.
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

/** The exception for a token that did not answer in time. */
export const timedOut = () =>
  new XksException('DependencyTimeoutException', 'The external key manager did not answer in time.');

const NEVER = new AbortController().signal;
const MAX_SHARED_MS = 5;
const MAX_SHARED_PART = 0.05;
