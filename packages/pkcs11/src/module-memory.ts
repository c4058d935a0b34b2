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
  /**
   * Holds a session handle, so that nobody in the process takes it for a new one. A thread that ends without letting go of
   * it holds it as long as the process lasts.
   *
   * @returns what lets go of it, once; undefined if somebody holds it already
   */
  hold(session: Handle): (() => void) | undefined;
}

/**
 * The memory that another thread has handed over, or that of a module which nobody has used yet.
 *
 * @throws TypeError for memory of another kind
 */
export function moduleMemory(buffer = new SharedArrayBuffer(WORDS * 4)): ModuleMemory {
  if (!(buffer instanceof SharedArrayBuffer) || buffer.byteLength !== WORDS * 4) {
    throw new TypeError('memory: expected that of a module in another thread');
  }
  const words = (at: number, length: number) => new Int32Array(buffer, at * 4, length);
  const [restarts, slots, logins] = [words(0, 1), words(1, SLOTS), words(1 + SLOTS, SLOTS)];
  const facts = words(1 + 2 * SLOTS, SLOTS);
  const sessions = words(1 + 3 * SLOTS, SESSIONS);
  /** Where the logins of a slot are. Slots that are too many share the last place: they cost each other logins. */
  const placeOf = (slot: Handle): number => {
    const name = nameOf(slot);
    const isPlace = (place: number): boolean =>
      [0, name].includes(Atomics.compareExchange(slots, place, 0, name));
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
      const is = (fact: number): boolean => (Atomics.load(facts, place) & fact) !== 0;
      const learn = (fact: number, value: boolean): void => {
        if (value) Atomics.or(facts, place, fact);
        else Atomics.and(facts, place, ~fact);
      };
      return {
        get count() {
          return Atomics.load(logins, place);
        },
        add: () => Atomics.add(logins, place, 1) + 1,
        get areTold() {
          return is(TOLD);
        },
        set areTold(value) {
          learn(TOLD, value);
        },
        get proveNothing() {
          return is(NO_PROOF);
        },
        set proveNothing(value) {
          learn(NO_PROOF, value);
        },
      };
    },
    hold(session) {
      const name = nameOf(session);
      if (sessions.includes(name)) return undefined;
      for (let place = sessions.indexOf(0); place >= 0; place = sessions.indexOf(0, place + 1)) {
        const other = Atomics.compareExchange(sessions, place, 0, name);
        if (other === 0) return () => void Atomics.store(sessions, place, 0);
        // In the same moment as here.
        if (other === name) return undefined;
      }
      // There are too many to know them all.
      return () => undefined;
    },
  };
}

/** What the process knows of its logins at a token. */
export interface SlotLogins {
  /** How many there were: with each one the token has forgotten what was before. */
  readonly count: number;
  /** Counts a login that is made, or is about to be, and answers with how many there are by then. */
  add(): number;
  /** Whether the token says of a session that the user is logged in: not every one does. */
  areTold: boolean;
  /** Whether one can be made where there is one, because the token has one for each session, or takes another beside it. */
  proveNothing: boolean;
}

/** A handle as one number other than 0, which no other handle below 2^32 - 1 has. */
function nameOf(handle: Handle): number {
  let name = 0;
  for (let at = 0; at < handle.length; at += 4) {
    name = (Math.imul(name, ODD) + handle.readInt32LE(at)) | 0;
  }
  return name === 0 ? -ODD : name;
}

const SLOTS = 64;
const SESSIONS = 1024;
/** One word has the restarts, three for each slot its name, logins and facts, and one for each session its name. */
const WORDS = 1 + 3 * SLOTS + SESSIONS;
const TOLD = 1;
const NO_PROOF = 2;
/** An odd factor keeps different numbers different. */
const ODD = 0x9e37_79b1 | 0;
