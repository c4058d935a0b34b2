import { callCryptoki, isExhausted, Pkcs11Error } from '../errors.ts';
import type { Cryptoki, Handle } from '../library/cryptoki.ts';
import type { ModuleMemory } from '../library/module-memory.ts';
import type { HeldHandle } from './session-handles.ts';

/** The sessions that this thread has with the token in one slot, whoever they were opened for. */
export interface SlotSessions {
  /** Grows with every epoch that ends: here, or for all who use the module. */
  readonly epoch: number;
  /** Says that the token has forgotten its sessions, its login or its handles: those of before are void. */
  endEpoch(): void;
  /**
   * Opens a session under a handle that nobody in the process has, and tells to which epoch it belongs. One of an earlier
   * session that is still held, in whatever thread and with whatever token, shows that the module has begun its handles
   * anew, which ends the epoch for all who use it; it is passed over, and closed here. Only where the token has no other
   * session left is it taken: whoever has the earlier one may be in a call that never returns.
   *
   * @throws Pkcs11Error
   */
  open(flags: number): { readonly handle: Handle; readonly epoch: number };
  /** Closes a session that was opened here. One that the token has dropped is closed already. */
  close(handle: Handle): void;
  /** The one of before that was opened here last and is not closed, whoever it was opened for. */
  otherOpenSession(handle: Handle): Handle | undefined;
}

/** The sessions of one library, by slot. Session handles are numbers that begin anew when a module does. */
export function createSlotSessions(cryptoki: Cryptoki, memory: ModuleMemory): (slot: Handle) => SlotSessions {
  const slots = new Map<string, SlotSessions>();
  const held = new Map<string, HeldHandle>();
  const closeSession = (handle: Handle): void => {
    try {
      cryptoki.C_CloseSession(handle);
    } catch {
      // The token has dropped it before: there is nothing left to close.
    }
  };
  const isOpen = (handle: Handle): boolean => {
    try {
      cryptoki.C_GetSessionInfo(handle);
      return true;
    } catch {
      return false;
    }
  };
  const forSlot = (slot: Handle): SlotSessions => {
    let ended = 0;
    const opened = new Map<string, Handle>();
    const keep = (handle: Handle, hold: HeldHandle, setAside: Map<string, Handle>): Handle => {
      const name = handle.toString('hex');
      held.set(name, hold);
      opened.set(name, handle);
      setAside.delete(name);
      return handle;
    };
    /** Opens sessions until one has a handle that nobody holds; the others are passed over. */
    const openNew = (flags: number, setAside: Map<string, Handle>, onRestart: () => void): Handle => {
      for (let isRepeated = false; ; ) {
        const handle = callCryptoki('C_OpenSession', () => cryptoki.C_OpenSession(slot, flags));
        const name = handle.toString('hex');
        do {
          const hold = memory.sessions.hold(handle);
          if (hold !== undefined) return keep(handle, hold, setAside);
          const meeting = memory.sessions.reportReissue(handle);
          // Whoever has let go of it may have closed this one.
          if (meeting === 'released') continue;
          if (meeting === 'first') onRestart();
          if (setAside.has(name)) {
            // Once, its holder may have closed it after all.
            if (isRepeated) {
              throw new Pkcs11Error('DEVICE_ERROR', 'C_OpenSession gives the same session again');
            }
            isRepeated = true;
          }
          setAside.set(name, handle);
        } while (!setAside.has(name) && isOpen(handle));
      }
    };
    /** One of those that were passed over, but none that this thread has itself: its earlier one can be closed. */
    const takeOver = (setAside: Map<string, Handle>): Handle | undefined => {
      for (const [name, handle] of setAside) {
        const hold = held.has(name) ? undefined : memory.sessions.takeOver(handle);
        if (hold !== undefined) return keep(handle, hold, setAside);
      }
      return undefined;
    };
    return {
      // Both only grow, so that the sum tells whether either has.
      get epoch() {
        return ended + memory.restarts;
      },
      endEpoch() {
        ended += 1;
      },
      open(flags) {
        // Of before: if another thread meets a restart meanwhile, the session counts as one that it has made void.
        let { restarts } = memory;
        let isCounted = false;
        const onRestart = (): void => {
          if (!isCounted) restarts = memory.countRestart();
          isCounted = true;
        };
        const setAside = new Map<string, Handle>();
        try {
          const handle = openNew(flags, setAside, onRestart);
          return { handle, epoch: ended + restarts };
        } catch (error) {
          const handle = isExhausted(error) ? takeOver(setAside) : undefined;
          if (handle === undefined) throw error;
          return { handle, epoch: ended + restarts };
        } finally {
          for (const handle of setAside.values()) closeSession(handle);
        }
      },
      close(handle) {
        const name = handle.toString('hex');
        // Until it is closed nobody else takes its handle for a new one.
        held.get(name)?.close(() => closeSession(handle));
        held.delete(name);
        opened.delete(name);
      },
      otherOpenSession: (handle) => [...opened.values()].findLast((other) => !other.equals(handle)),
    };
  };
  return (slot) => {
    const name = slot.toString('hex');
    const sessions = slots.get(name) ?? forSlot(slot);
    slots.set(name, sessions);
    return sessions;
  };
}
