import { CAPACITY, nameOf, type SessionHandles, sessionHandles } from '../sessions/session-handles.ts';
import type { Handle } from './cryptoki.ts';

/**
 * What all threads of a process have in common that use one module. Session handles are numbers of the module, which begin
 * anew with it, and a login is one of the process: what one thread meets, the others have to hear.
 */
export interface ModuleMemory {
  /** For another thread to have the same. */
  readonly buffer: SharedArrayBuffer;
  /** How often the module was found to give its handles anew. */
  readonly restarts: number;
  /** Counts one more, and answers with how many there are by then. */
  countRestart(): number;
  /** The logins at the token in the slot, whatever PIN they are made with. */
  loginsAt(slot: Handle): SlotLogins;
  /** Those that somebody in the process holds. */
  readonly sessions: SessionHandles;
}

/**
 * The memory that another thread has handed over, or that of a module which nobody has used yet.
 *
 * @throws TypeError for memory of another kind
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
  /** Where the logins of a slot are. Slots that are too many share the last place: they cost each other logins. */
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

/** What the process knows of its logins at a token. */
interface SlotLogins {
  /** How many there were: with each one the token has forgotten what was before. */
  readonly count: number;
  /** Counts a login that is made, or is about to be, and answers with how many there are by then. */
  add(): number;
  /** Whether the token says of a session that the user is logged in: not every one does. */
  reportsLoginState: boolean;
  /** Whether one can be made where there is one, because the token has one for each session, or takes another beside it. */
  allowsRepeatedLogin: boolean;
}

const SLOTS = 64;
/** A long word each for the name of a slot and a session; a word for the restarts, two for each slot, and one for each session. */
const SIZE_BYTES = 8 * (SLOTS + CAPACITY) + 4 * (1 + 2 * SLOTS + CAPACITY);
const REPORTS_LOGIN_STATE = 1;
const ALLOWS_REPEATED_LOGIN = 2;
