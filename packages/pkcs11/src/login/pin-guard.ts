import { Pkcs11Error } from '../errors.ts';

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
  leave(): void;
  /** Tells all that the PIN was refused; also of who had no turn, and met it elsewhere. */
  refuse(): void;
  /** @throws Pkcs11Error PIN_INCORRECT if the PIN was refused; waits for nobody */
  check(): void;
}

/** What the threads with a guard have in common: four bytes each, zero at first. */
export interface PinGuardMemory {
  /** Whether somebody has a turn. A login that never returns keeps it, so it is better not shared beyond those who open a token together. */
  readonly turn: SharedArrayBuffer;
  /** Whether the PIN was refused: of all who ever offer it. */
  readonly refusal: SharedArrayBuffer;
}

/** A guard over this memory; over one of its own if it is given none. */
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
          // Whoever had the turn until now.
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
