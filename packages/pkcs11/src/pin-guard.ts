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
  leave(): void;
  /** Counts a login that is made in this turn, or is about to be, and answers with how many there were by then. */
  countLogin(): number;
  /** How many logins were counted by all who have the guard: with each one the token has forgotten what was before. */
  readonly logins: number;
  /** Tells all that the PIN was refused; also of who had no turn, and met it elsewhere. */
  refuse(): void;
  /** @throws Pkcs11Error PIN_INCORRECT if the PIN was refused; waits for nobody */
  check(): void;
}

/** What the threads with a guard have in common: four bytes each, zero at first. */
export interface PinGuardMemory {
  /** Whether somebody has a turn, and the count of logins. A login that never returns keeps it, so it is better not shared beyond those who open a token together. */
  readonly turn: SharedArrayBuffer;
  /** Whether the PIN was refused: of all who ever offer it. */
  readonly refusal: SharedArrayBuffer;
}

/** A guard over this memory; over one of its own if it is given none. */
export function pinGuard({ turn, refusal }: PinGuardMemory = pinGuardMemory()): PinGuard {
  const [owner, refused] = [new Int32Array(turn), new Int32Array(refusal)];
  const check = (): void => {
    if (Atomics.load(refused, 0) === REFUSED) throw refusedBefore();
  };
  const leave = (): void => {
    Atomics.and(owner, 0, ~BUSY);
    Atomics.notify(owner, 0);
  };
  return {
    enter() {
      for (let hasWaited = false; ; hasWaited = true) {
        check();
        const turn = Atomics.or(owner, 0, BUSY);
        if ((turn & BUSY) === 0) {
          if (Atomics.load(refused, 0) !== REFUSED) return hasWaited;
          // Whoever had the turn until now.
          leave();
        } else if (Atomics.wait(owner, 0, turn, MAX_WAIT_MS) === 'timed-out') {
          throw new Pkcs11Error('TOKEN_UNAVAILABLE', 'the login of another thread does not return');
        }
      }
    },
    countLogin: () => (Atomics.add(owner, 0, LOGIN) + LOGIN) >> 1,
    get logins() {
      return Atomics.load(owner, 0) >> 1;
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

const refusedBefore = () =>
  new Pkcs11Error(
    'PIN_INCORRECT',
    'the token has refused this PIN before, so this process does not offer it again',
  );

// One word has both: the lowest bit tells of the turn, and the others count.
const BUSY = 1;
const LOGIN = 2;
const REFUSED = 1;
const MAX_WAIT_MS = 10_000;
