import { Pkcs11Error } from '../errors.ts';

/** Calls that wait for a value, in the order of their arrival. */
export interface WaitQueue<T> {
  readonly length: number;
  /**
   * Resolves when served, and rejects when refused or when the signal is aborted.
   *
   * @throws Pkcs11Error SESSIONS_EXHAUSTED when the queue is full
   */
  join(signal: AbortSignal | undefined): Promise<T>;
  /** Serves the call that has waited longest, and returns false if none waits. */
  serve(value: T): boolean;
  /** Refuses the call that has waited longest. */
  refuse(error: unknown): void;
  refuseAll(error: unknown): void;
}

/** Returns an empty queue. */
export function waitQueue<T>(maxWaiting: number): WaitQueue<T> {
  const waiting = new Set<Waiter<T>>();
  const next = (): Waiter<T> | undefined => {
    const [first] = waiting;
    if (first !== undefined) waiting.delete(first);
    return first;
  };
  return {
    get length() {
      return waiting.size;
    },
    join(signal) {
      if (waiting.size >= maxWaiting) {
        throw new Pkcs11Error('SESSIONS_EXHAUSTED', 'as many calls wait for a session as may');
      }
      return new Promise((resolve, reject) => {
        const abort = (): void => {
          waiting.delete(waiter);
          reject(signal?.reason);
        };
        const waiter: Waiter<T> = {
          resolve(value) {
            signal?.removeEventListener('abort', abort);
            resolve(value);
          },
          reject(error) {
            signal?.removeEventListener('abort', abort);
            reject(error);
          },
        };
        signal?.addEventListener('abort', abort, { once: true });
        waiting.add(waiter);
      });
    },
    serve(value) {
      const first = next();
      first?.resolve(value);
      return first !== undefined;
    },
    refuse: (error) => next()?.reject(error),
    refuseAll(error) {
      for (const waiter of waiting) waiter.reject(error);
      waiting.clear();
    },
  };
}

interface Waiter<T> {
  resolve(value: T): void;
  reject(error: unknown): void;
}
