import { Pkcs11Error } from '../errors.ts';

/**
 * Lets only one thread at a time offer a PIN to a token, and none once it was refused: a token locks itself after a few
 * attempts, and threads that have all lost their sessions would each make one.
 */
export interface PinGuard {
  /**
   * Waits for a turn, and returns whether another thread had one meanwhile, which may have logged in. A turn that has not
   * ended after ten seconds is taken over, because its login may never return; but one that was taken over is not, or a
   * wrong PIN could be offered any number of times before the token answers.
   *
   * @throws Pkcs11Error PIN_INCORRECT if the PIN was refused; TOKEN_UNAVAILABLE if two logins do not return
   */
  enter(): boolean;
  /** Ends the turn, unless another thread has taken it over. */
  leave(): void;
  /** Tells all threads that the PIN was refused. It takes no turn, for a refusal that was met elsewhere. */
  refuse(): void;
  /** @throws Pkcs11Error PIN_INCORRECT if the PIN was refused; does not wait */
  check(): void;
  /** Whether two logins do not return, so that no thread gets a turn before one of them does. */
  isBlocked(): boolean;
}

/** Memory that the threads with a guard share: four bytes each, zero at first. */
export interface PinGuardMemory {
  /**
   * Which thread has a turn, if one has. Two logins that never return keep it: share it only among threads that open a token
   * together.
   */
  readonly turn: SharedArrayBuffer;
  /** Whether the PIN was refused. Share it among all threads that ever offer the PIN. */
  readonly refusal: SharedArrayBuffer;
}

/** Returns a guard over this memory, by default over memory of its own. */
export function pinGuard(memory: PinGuardMemory = pinGuardMemory()): PinGuard {
  const [turn, refused] = [new Int32Array(memory.turn), new Int32Array(memory.refusal)];
  /** The number of the last turn of this thread. */
  let own = 0;
  const isRefused = (): boolean => Atomics.load(refused, 0) === REFUSED;
  const check = (): void => {
    if (isRefused()) throw refusedError();
  };
  const change = (from: number, to: number): boolean => Atomics.compareExchange(turn, 0, from, to) === from;
  const leave = (): void => {
    const next = (own + NEXT_TURN) | 0;
    if ([HELD, TAKEN_OVER, BLOCKED].some((state) => change(own | state, own | FREE))) Atomics.notify(turn, 0);
    // The thread that has taken over is then the only one whose login does not return.
    else [TAKEN_OVER, BLOCKED].some((state) => change(next | state, next | HELD));
  };
  /** Begins the turn after this one, in this state of it, unless that has changed. */
  const begin = (last: number, state: number): boolean => {
    const next = (turnOf(last) + NEXT_TURN) | 0;
    if (!change(last, next | state)) return false;
    own = next;
    if (!isRefused()) return true;
    // The thread that had the turn until now was refused: the next check throws.
    leave();
    return false;
  };
  return {
    enter() {
      for (let hasWaited = false; ; hasWaited = true) {
        check();
        const last = Atomics.load(turn, 0);
        const state = stateOf(last);
        if (state === BLOCKED) throw blockedError();
        if (state === FREE) {
          if (begin(last, HELD)) return hasWaited;
        } else if (Atomics.wait(turn, 0, last, MAX_WAIT_MS) === 'timed-out') {
          if (state === HELD) {
            if (begin(last, TAKEN_OVER)) return true;
          } else if (change(last, turnOf(last) | BLOCKED)) Atomics.notify(turn, 0);
        }
      }
    },
    leave,
    refuse: () => void Atomics.store(refused, 0, REFUSED),
    check,
    isBlocked: () => stateOf(Atomics.load(turn, 0)) === BLOCKED,
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

const blockedError = () => new Pkcs11Error('TOKEN_UNAVAILABLE', 'the logins of other threads do not return');

// The memory of turns has the number of the turn, which is that of one thread, and these states in its lowest bits.
const FREE = 0;
const HELD = 1;
/** Held, while the login of the turn before it does not return either. */
const TAKEN_OVER = 2;
/** Taken over, and has not ended after ten seconds. */
const BLOCKED = 3;
const NEXT_TURN = 4;
const stateOf = (word: number): number => word & 3;
const turnOf = (word: number): number => word & ~3;
const REFUSED = 1;
const MAX_WAIT_MS = 10_000;
