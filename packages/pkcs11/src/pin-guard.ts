import { Pkcs11Error } from './errors.ts';

/**
 * Has only one thread at a time offer a PIN to a token, and none once it was refused: a token locks itself after a few
 * attempts, and threads that have all lost their sessions would all make one.
 */
export interface PinGuard {
  /**
   * Waits for its turn, and answers whether somebody else had one meanwhile, who may have logged in.
   *
   * @throws Pkcs11Error PIN_INCORRECT if the PIN was refused; TOKEN_UNAVAILABLE if a login takes ten seconds
   */
  enter(): boolean;
  /** Ends the turn. */
  leave(outcome: 'done' | 'refused'): void;
}

/** A guard over four bytes that all threads which offer the PIN have in common, and that are zero at first. */
export function pinGuard(memory: SharedArrayBuffer): PinGuard {
  const state = new Int32Array(memory);
  return {
    enter() {
      let hasWaited = false;
      for (;;) {
        const before = Atomics.compareExchange(state, 0, FREE, BUSY);
        if (before === FREE) return hasWaited;
        if (before === REFUSED)
          throw new Pkcs11Error('PIN_INCORRECT', 'the token has refused this PIN before');
        hasWaited = true;
        if (Atomics.wait(state, 0, BUSY, MAX_WAIT_MS) === 'timed-out') {
          throw new Pkcs11Error('TOKEN_UNAVAILABLE', 'the login of another thread does not return');
        }
      }
    },
    leave(outcome) {
      Atomics.store(state, 0, outcome === 'refused' ? REFUSED : FREE);
      Atomics.notify(state, 0);
    },
  };
}

const FREE = 0;
const BUSY = 1;
const REFUSED = 2;
const MAX_WAIT_MS = 10_000;
