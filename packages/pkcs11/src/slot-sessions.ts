import type { Cryptoki, Handle } from './cryptoki.ts';
import { attempt, Pkcs11Error } from './errors.ts';
import type { ModuleMemory } from './module-memory.ts';

/** The sessions that this thread has with the token in one slot, whoever they were opened for. */
export interface SlotSessions {
  /** Grows with every epoch that ends: here, or for all who use the module. */
  readonly epoch: number;
  /** Says that the token has forgotten its sessions, its login or its handles: those of before are void. */
  endEpoch(): void;
  /**
   * Opens a session under a handle that nobody in the process has, and tells to which epoch it belongs. One of an earlier
   * session that is still held, in whatever thread and with whatever token, shows that the module has begun its handles
   * anew, which ends the epoch for all who use it; it is passed over, and closed when the earlier session is.
   *
   * @throws Pkcs11Error
   */
  open(flags: number): { readonly handle: Handle; readonly epoch: number };
  /** Closes a session that was opened here. One that the token has dropped is closed already. */
  close(handle: Handle): void;
}

/** The sessions of one library, by slot. Session handles are numbers that begin anew when a module does. */
export function createSlotSessions(cryptoki: Cryptoki, memory: ModuleMemory): (slot: Handle) => SlotSessions {
  const slots = new Map<string, SlotSessions>();
  const held = new Map<string, () => void>();
  const forSlot = (slot: Handle): SlotSessions => {
    let ended = 0;
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
        for (const passedOver = new Set<string>(); ; ) {
          const handle = attempt('C_OpenSession', () => cryptoki.C_OpenSession(slot, flags));
          const name = handle.toString('hex');
          const release = held.has(name) ? undefined : memory.hold(handle);
          if (release !== undefined) {
            held.set(name, release);
            return { handle, epoch: ended + restarts };
          }
          if (passedOver.size === 0) restarts = memory.countRestart();
          if (passedOver.has(name)) {
            throw new Pkcs11Error('DEVICE_ERROR', 'C_OpenSession gave the same session twice');
          }
          passedOver.add(name);
        }
      },
      close(handle) {
        const name = handle.toString('hex');
        // Before: once it is closed, the module may give it to another thread at any time.
        held.get(name)?.();
        held.delete(name);
        try {
          cryptoki.C_CloseSession(handle);
        } catch {
          // The token has dropped it before: there is nothing left to close.
        }
      },
    };
  };
  return (slot) => {
    const name = slot.toString('hex');
    const sessions = slots.get(name) ?? forSlot(slot);
    slots.set(name, sessions);
    return sessions;
  };
}
