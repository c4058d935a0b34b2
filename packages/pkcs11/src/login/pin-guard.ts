import { Pkcs11Error } from '../errors.ts';

/**
 * Lets only one thread at a time offer a PIN to a token, and none once it was refused: a token locks itself after a few
 * attempts, and threads that have all lost their sessions would each make one.
 */
export interface PinGuard {
  /**
   * Waits for a turn, and returns whether another thread had one meanwhile, which may have logged in.
   *
   * @throws Pkcs11Error PIN_INCORRECT if the PIN was refused; TOKEN_UNAVAILABLE if a login takes ten seconds
   */
  enter(): boolean;
  /** Ends the turn. */
  leave(): void;
  /** Tells all threads that the PIN was refused. It takes no turn, for a refusal that was met elsewhere. */
  refuse(): void;
  /** @throws Pkcs11Error PIN_INCORRECT if the PIN was refused; does not wait */
  check(): void;
}

/** Memory that the threads with a guard share: four bytes each, zero at first. */
export interface PinGuardMemory {
  /** Whether a thread has a turn. A login that never returns keeps it: share it only among threads that open a token together. */
  readonly turn: SharedArrayBuffer;
  /** Whether the PIN was refused. Share it among all threads that ever offer the PIN. */
  readonly refusal: SharedArrayBuffer;
}

/** Returns a guard over this memory, by default over memory of its own. */
export function pinGuard({ turn, refusal }: PinGuardMemory = pinGuardMemory()): PinGuard {
  const [owner, refused] = [new Int32Array(turn), new Int32Array(refusal)];
  const check = (): void => {
    if (Atomics.load(refused, 0) === REFUSED) throw refusedError();
  };
  const leave = (): void => {
    Atomics.store(owner, 0, FREE);
    Atomics.notify(owner, 0);
  };
  return {
    enter() {
      for (let hasWaited = false; ; hasWaited = true) {
        check();
        if (Atomics.exchange(owner, 0, BUSY) === FREE) {
          if (Atomics.load(refused, 0) !== REFUSED) return hasWaited;
          // The thread that had the turn until now was refused: the next check throws.
          leave();
        } else if (Atomics.wait(owner, 0, BUSY, MAX_WAIT_MS) === 'timed-out') {
          throw new Pkcs11Error('TOKEN_UNAVAILABLE', 'the login of another thread does not return');
        }
      }
    },
    leave,
    refuse: () => void Atomics.store(refused, 0, REFUSED),
    check,
  };
}

const pinGuardMemory = (): PinGuardMemory => ({
  turn: new SharedArrayBuffer(4),
  refusal: new SharedArrayBuffer(4),
});

const refusedError = () =>
  new Pkcs11Error(
    'PIN_INCORRECT',
    'the token has refused this PIN before, so this process does not offer it again',
  );

const FREE = 0;
const BUSY = 1;
const REFUSED = 1;
const MAX_WAIT_MS = 10_000;
