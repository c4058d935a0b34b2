import type { Handle } from '../library/cryptoki.ts';

/**
 * The session handles that the threads of a process hold, so that no thread takes a handle for new that is held already.
 * There is room for `CAPACITY` of them: handles held beyond that are not recorded, and compared with none.
 */
export interface SessionHandles {
  /** Holds a handle that the module has returned. Returns undefined if it is held already: see `reportReissue`. */
  hold(session: Handle): HeldHandle | undefined;
  /**
   * Tells the holder of a handle that the module has returned it again, so that the holder does not close a session that is
   * not its own. Waits for a holder that is closing its session, a quarter of a second at most: the module may have freed
   * the handle before its holder lets go of it.
   *
   * @returns `first`, which shows a restart of the module; `again` if the holder was told before, or did not let go of the
   * handle in that time, neither of which says anything about a restart; `released` if the handle can be held now, and the
   * earlier holder may have closed the new session
   */
  reportReissue(session: Handle): 'first' | 'again' | 'released';
  /** Holds a reissued handle in place of its holder. Returns undefined if that is closing its session, or has closed it. */
  takeOver(session: Handle): HeldHandle | undefined;
}

/** A handle that is held until one of these is called. A thread that is terminated holds its handles until the process ends. */
export interface HeldHandle {
  /** Calls `closeSession`, unless the module has returned the handle again, and lets go of the handle. */
  close(closeSession: () => void): void;
  /** Lets go of the handle, and leaves the session open. */
  release(): void;
}

/**
 * Returns the session handles in this memory, which is zero at first.
 *
 * @param names the name of the handle at each place, or 0
 * @param states for each place a number that differs from holder to holder, with the flags REISSUED and CLOSING
 */
export function sessionHandles(names: BigInt64Array, states: Int32Array): SessionHandles {
  /** Sets the state of a place to what `next` returns for it, and returns that; does nothing if `next` returns undefined. */
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
    /** Returns undefined if the handle was taken over; from then on it cannot be. */
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
  /** Returns the place at which a handle is held, with its state; without a state if the handle is not held. */
  const find = (session: Handle): { readonly place: number; readonly state?: number } => {
    const name = nameOf(session);
    for (;;) {
      const place = names.indexOf(name);
      if (place < 0) return { place };
      const state = Atomics.load(states, place);
      // A holder that lets go clears the name before it changes the state, so the state belongs to a name that is still there.
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
        if (other === 0n) {
          const held = heldAt(place, change(place, nextHolder) ?? 0);
          if (names.indexOf(name) === names.lastIndexOf(name)) return held;
          // Another thread has taken another place for it meanwhile. If it sees this one too, neither holds the handle.
          held.release();
          return undefined;
        }
        // Another thread holds it since a moment ago.
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

/** Returns a number that differs from handle to handle and is never 0: no handle has all bits set. */
export function nameOf(handle: Handle): bigint {
  return ~(handle.length === 8 ? handle.readBigInt64LE() : BigInt(handle.readInt32LE()));
}

/** Lets go of the handle when this thread exits. */
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

/** How many handles of one module the threads of a process can hold. */
export const CAPACITY = 4096;
/** The module has returned the handle again. */
const REISSUED = 1;
/** The holder is about to let go of it. */
const CLOSING = 2;
const NEXT_HOLDER = 4;
const HOLDER = ~3;
const MAX_WAIT_MS = 250;
const HELD = new Set<HeldHandle>();
let isExitHooked = false;
