import type { Handle } from '../library/cryptoki.ts';

/**
 * The session handles that the threads of a process hold, so that none takes one for new which another has. There are
 * `CAPACITY` at most: what is held beyond them nobody hears of.
 */
export interface SessionHandles {
  /** Holds a handle that the module has given. Undefined if somebody holds it: see `reportReissue`. */
  hold(session: Handle): HeldHandle | undefined;
  /**
   * Tells the holder of a handle that the module has given it again, so that the holder does not close what is not its own.
   * A holder that is about to close its session is waited for, a quarter of a second at most: the module may be ahead of it.
   *
   * @returns whether it was so told before, or did not let go of it in that time: then this says nothing of a restart; and
   * `released` if the handle can be held, and its session may have been closed
   */
  reportReissue(session: Handle): 'first' | 'again' | 'released';
  /** Holds a handle that was met, in place of its holder. Undefined if that is about to close its session, or has. */
  takeOver(session: Handle): HeldHandle | undefined;
}

/** A handle that is held, until one of these is called. A thread that is terminated holds it as long as the process lasts. */
export interface HeldHandle {
  /** Has the session closed, unless the module has given its handle again. */
  close(closeSession: () => void): void;
  release(): void;
}

/**
 * Those in this memory, zero at first.
 *
 * @param names of the handles
 * @param states one for each name: a number that is another for each holder, and what it has to know
 */
export function sessionHandles(names: BigInt64Array, states: Int32Array): SessionHandles {
  /** Changes the state of a place, unless `next` answers undefined, and answers with the new one. */
  const change = (place: number, next: (state: number) => number | undefined): number | undefined => {
    for (let state = Atomics.load(states, place); ; ) {
      const wanted = next(state);
      if (wanted === undefined) return undefined;
      const found = Atomics.compareExchange(states, place, state, wanted);
      if (found === state) return wanted;
      state = found;
    }
  };
  const heldAt = (place: number, holder: number): HeldHandle => {
    const isOurs = (state: number): boolean => (state & HOLDER) === holder;
    /** Undefined if somebody has taken the handle over; afterwards nobody does. */
    const beginClosing = () => change(place, (state) => (isOurs(state) ? state | CLOSING : undefined));
    const letGo = (): void => {
      Atomics.store(names, place, 0n);
      change(place, (state) => (isOurs(state) ? holder + NEXT_HOLDER : undefined));
      Atomics.notify(states, place);
    };
    const held: HeldHandle = {
      close(closeSession) {
        HELD.delete(held);
        const state = beginClosing();
        if (state === undefined) return;
        try {
          if ((state & REISSUED) === 0) closeSession();
        } finally {
          letGo();
        }
      },
      release: () => held.close(() => undefined),
    };
    return releaseAtExit(held);
  };
  /** Where a handle is held, and the state of its place; none if nobody holds it. */
  const find = (session: Handle): { readonly place: number; readonly state?: number } => {
    const name = nameOf(session);
    for (;;) {
      const place = names.indexOf(name);
      if (place < 0) return { place };
      const state = Atomics.load(states, place);
      // Who lets go of a handle takes away first the name and then the state: this one belongs to the name.
      if (Atomics.load(names, place) === name) return { place, state };
    }
  };
  const nextHolder = (state: number): number => ((state & HOLDER) + NEXT_HOLDER) | 0;
  return {
    hold(session) {
      const name = nameOf(session);
      if (names.includes(name)) return undefined;
      for (let place = names.indexOf(0n); place >= 0; place = names.indexOf(0n, place + 1)) {
        const other = Atomics.compareExchange(names, place, 0n, name);
        if (other === 0n) return heldAt(place, change(place, nextHolder) ?? 0);
        // In the same moment as here.
        if (other === name) return undefined;
      }
      return { close: (closeSession) => closeSession(), release: () => undefined };
    },
    reportReissue(session) {
      for (const untilMs = performance.now() + MAX_WAIT_MS; ; ) {
        const { place, state } = find(session);
        if (state === undefined) return 'released';
        if ((state & REISSUED) !== 0) return 'again';
        const leftMs = untilMs - performance.now();
        if ((state & CLOSING) !== 0 && leftMs > 0) Atomics.wait(states, place, state, leftMs);
        else if (Atomics.compareExchange(states, place, state, state | REISSUED) === state) {
          return (state & CLOSING) === 0 ? 'first' : 'again';
        }
      }
    },
    takeOver(session) {
      for (;;) {
        const { place, state } = find(session);
        if (state === undefined || (state & CLOSING) !== 0) return undefined;
        const holder = nextHolder(state);
        if (Atomics.compareExchange(states, place, state, holder) === state) return heldAt(place, holder);
      }
    },
  };
}

/** A handle as a number that no other one has, and that is not 0: there is no handle of ones alone. */
export function nameOf(handle: Handle): bigint {
  return ~(handle.length === 8 ? handle.readBigInt64LE() : BigInt(handle.readInt32LE()));
}

/** Has a thread that ends let go of what it holds. */
function releaseAtExit(held: HeldHandle): HeldHandle {
  if (!isExitHooked) {
    isExitHooked = true;
    process.once('exit', () => {
      for (const one of HELD) one.release();
    });
  }
  HELD.add(held);
  return held;
}

/** How many handles the threads of a process can hold of one module. */
export const CAPACITY = 4096;
/** The module has given the handle again. */
const REISSUED = 1;
/** The holder is about to let go of it. */
const CLOSING = 2;
const NEXT_HOLDER = 4;
const HOLDER = ~3;
const MAX_WAIT_MS = 250;
const HELD = new Set<HeldHandle>();
let isExitHooked = false;
