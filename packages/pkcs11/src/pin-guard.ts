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
  /** Ends the turn. Who had none may tell that the PIN was refused elsewhere. */
  leave(outcome: 'done' | 'refused'): void;
  /** @throws Pkcs11Error PIN_INCORRECT if the PIN was refused; waits for nobody */
  check(): void;
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
        if (before === REFUSED) throw refusedBefore();
        hasWaited = true;
        if (Atomics.wait(state, 0, BUSY, MAX_WAIT_MS) === 'timed-out') {
          throw new Pkcs11Error('TOKEN_UNAVAILABLE', 'the login of another thread does not return');
        }
      }
    },
    leave(outcome) {
      if (outcome === 'refused') Atomics.store(state, 0, REFUSED);
      else Atomics.compareExchange(state, 0, BUSY, FREE);
      Atomics.notify(state, 0);
    },
    check() {
      if (Atomics.load(state, 0) === REFUSED) throw refusedBefore();
    },
  };
}

const refusedBefore = () =>
  new Pkcs11Error(
    'PIN_INCORRECT',
    'the token has refused this PIN before, so this process does not offer it again',
  );

const FREE = 0;
const BUSY = 1;
const REFUSED = 2;
const MAX_WAIT_MS = 10_000;
