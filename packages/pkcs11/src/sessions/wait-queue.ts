import { Pkcs11Error } from '../errors.ts';

/** Those who wait for something, in the order of their arrival. */
export interface WaitQueue<T> {
  readonly length: number;
  /**
   * Waits until served or refused, or gives up with the signal.
   *
   * @throws Pkcs11Error SESSIONS_EXHAUSTED when as many wait as may
   */
  join(signal: AbortSignal | undefined): Promise<T>;
  /** Serves who came first; false if nobody waits. */
  serve(value: T): boolean;
  /** Refuses who came first. */
  refuse(error: unknown): void;
  refuseAll(error: unknown): void;
}

/** A line in which nobody waits yet. */
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
