import type { Cryptoki, Handle } from './cryptoki.ts';
import { attempt, Pkcs11Error } from './errors.ts';

/** The sessions that this thread has with the token in one slot, whoever they were opened for. */
export interface SlotSessions {
  /** Grows with every epoch that ends. */
  readonly epoch: number;
  /** Says that the token has forgotten its sessions, its login or its handles: those of before are void. */
  endEpoch(): void;
  /**
   * Opens a session under a handle that nobody has. One of an earlier session that is still held shows that the token
   * has forgotten that one, which ends the epoch; it is passed over, and closed when the earlier session is.
   *
   * @throws Pkcs11Error
   */
  open(flags: number): Handle;
  /** Closes a session that was opened here. One that the token has dropped is closed already. */
  close(handle: Handle): void;
}

/** The sessions of one library, by slot. Session handles are numbers that begin anew when a module does. */
export function createSlotSessions(cryptoki: Cryptoki): (slot: Handle) => SlotSessions {
  const slots = new Map<string, SlotSessions>();
  const held = new Set<string>();
  const forSlot = (slot: Handle): SlotSessions => {
    let epoch = 0;
    const endEpoch = (): void => {
      epoch += 1;
    };
    return {
      get epoch() {
        return epoch;
      },
      endEpoch,
      open(flags) {
        for (const passedOver = new Set<string>(); ; ) {
          const handle = attempt('C_OpenSession', () => cryptoki.C_OpenSession(slot, flags));
          const name = handle.toString('hex');
          if (!held.has(name)) {
            held.add(name);
            return handle;
          }
          if (passedOver.size === 0) endEpoch();
          if (passedOver.has(name)) {
            throw new Pkcs11Error('DEVICE_ERROR', 'C_OpenSession gave the same session twice');
          }
          passedOver.add(name);
        }
      },
      close(handle) {
        held.delete(handle.toString('hex'));
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
