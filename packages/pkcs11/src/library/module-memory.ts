import { CAPACITY, nameOf, type SessionHandles, sessionHandles } from '../sessions/session-handles.ts';
import type { Handle } from './cryptoki.ts';

/**
 * The state that all threads of a process share which use one module. A module that restarts numbers its session handles
 * from the start again, and a login belongs to the process: what one thread notices, the others have to learn.
 */
export interface ModuleMemory {
  /** Another thread makes the same memory from it. */
  readonly buffer: SharedArrayBuffer;
  /** How many times the module was found to have restarted its handles. */
  readonly restarts: number;
  /** Counts one more restart, and returns the new count. */
  countRestart(): number;
  /** The logins at the token in the slot, with any PIN. */
  loginsAt(slot: Handle): SlotLogins;
  /** The session handles that the threads of the process hold. */
  readonly sessions: SessionHandles;
}

/**
 * Returns the memory in a buffer from another thread, or new memory for a module that is not in use yet.
 *
 * @throws TypeError for a buffer of another kind
 */
export function moduleMemory(buffer = new SharedArrayBuffer(SIZE_BYTES)): ModuleMemory {
  if (!(buffer instanceof SharedArrayBuffer) || buffer.byteLength !== SIZE_BYTES) {
    throw new TypeError('memory: expected that of a module in another thread');
  }
  const slots = new BigInt64Array(buffer, 0, SLOTS);
  const handles = new BigInt64Array(buffer, slots.byteLength, CAPACITY);
  const words = new Int32Array(buffer, slots.byteLength + handles.byteLength);
  const [restarts, logins] = [words.subarray(0, 1), words.subarray(1, 1 + SLOTS)];
  const [facts, states] = [words.subarray(1 + SLOTS, 1 + 2 * SLOTS), words.subarray(1 + 2 * SLOTS)];
  /** Returns the place of a slot's logins. Slots beyond the limit share the last one: a login at one ends the epoch of all. */
  const placeOf = (slot: Handle): number => {
    const name = nameOf(slot);
    const isPlace = (place: number): boolean =>
      [0n, name].includes(Atomics.compareExchange(slots, place, 0n, name));
    for (let place = 0; place < SLOTS - 1; place += 1) if (isPlace(place)) return place;
    return SLOTS - 1;
  };
  return {
    buffer,
    get restarts() {
      return Atomics.load(restarts, 0);
    },
    countRestart: () => Atomics.add(restarts, 0, 1) + 1,
    loginsAt(slot) {
      const place = placeOf(slot);
      const has = (fact: number): boolean => (Atomics.load(facts, place) & fact) !== 0;
      const set = (fact: number, value: boolean): void => {
        if (value) Atomics.or(facts, place, fact);
        else Atomics.and(facts, place, ~fact);
      };
      return {
        get count() {
          return Atomics.load(logins, place);
        },
        add: () => Atomics.add(logins, place, 1) + 1,
        get reportsLoginState() {
          return has(REPORTS_LOGIN_STATE);
        },
        set reportsLoginState(value) {
          set(REPORTS_LOGIN_STATE, value);
        },
        get allowsRepeatedLogin() {
          return has(ALLOWS_REPEATED_LOGIN);
        },
        set allowsRepeatedLogin(value) {
          set(ALLOWS_REPEATED_LOGIN, value);
        },
      };
    },
    sessions: sessionHandles(handles, states),
  };
}

/** What the process knows about its logins at a token. */
export interface SlotLogins {
  /** How many logins were counted. Each shows that the token has forgotten the sessions and handles from before it. */
  readonly count: number;
  /** Counts a login that was made or is about to be made, and returns the new count. */
  add(): number;
  /** Whether the state of a session shows that the user is logged in: not every token reports that. */
  reportsLoginState: boolean;
  /** Whether the token takes a login while there is one: it has one for each session, or takes another beside the first. */
  allowsRepeatedLogin: boolean;
}

const SLOTS = 64;
/** Eight bytes for the name of each slot and session; four for the restarts, eight for each slot, four for each session. */
const SIZE_BYTES = 8 * (SLOTS + CAPACITY) + 4 * (1 + 2 * SLOTS + CAPACITY);
const REPORTS_LOGIN_STATE = 1;
const ALLOWS_REPEATED_LOGIN = 2;
