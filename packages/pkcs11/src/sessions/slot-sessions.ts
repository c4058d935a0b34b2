import type { Cryptoki, Handle } from '../library/cryptoki.ts';
import type { ModuleMemory } from '../library/module-memory.ts';
import type { HeldHandle } from './session-handles.ts';
import { closeSession, openSession } from './session-opening.ts';

/** The sessions that this thread has with the token in one slot, which all users of the token share. */
export interface SlotSessions {
  /** Grows whenever an epoch ends: at this slot, or for all users of the module. */
  readonly epoch: number;
  /** Ends the epoch, because the token has forgotten its sessions, its login or its handles: earlier ones are stale. */
  endEpoch(): void;
  /**
   * Opens a session under a handle that no thread of the process holds, and returns it with the epoch it belongs to. A restart
   * of the module that shows meanwhile ends the epoch for all users of the module (see `openSession`).
   *
   * @throws Pkcs11Error
   */
  open(flags: number): { readonly handle: Handle; readonly epoch: number };
  /** Closes a session that was opened here. A session that the token has dropped is closed already. */
  close(handle: Handle): void;
  /** The most recently opened session of this slot that is still open, other than `handle`, whichever user opened it. */
  otherOpenSession(handle: Handle): Handle | undefined;
}

/** Returns the sessions of one library by slot. Session handles are numbers that a module begins anew when it restarts. */
export function createSlotSessions(cryptoki: Cryptoki, memory: ModuleMemory): (slot: Handle) => SlotSessions {
  const slots = new Map<string, SlotSessions>();
  const held = new Map<string, HeldHandle>();
  return (slot) => {
    const name = slot.toString('hex');
    const sessions = slots.get(name) ?? new SessionsAtSlot(cryptoki, memory, slot, held);
    slots.set(name, sessions);
    return sessions;
  };
}

class SessionsAtSlot implements SlotSessions {
  readonly #cryptoki: Cryptoki;
  readonly #memory: ModuleMemory;
  readonly #slot: Handle;
  /** The handles that this thread holds at all slots, by name. */
  readonly #held: Map<string, HeldHandle>;
  readonly #opened = new Map<string, Handle>();
  #endedEpochs = 0;

  constructor(cryptoki: Cryptoki, memory: ModuleMemory, slot: Handle, held: Map<string, HeldHandle>) {
    this.#cryptoki = cryptoki;
    this.#memory = memory;
    this.#slot = slot;
    this.#held = held;
  }

  get epoch(): number {
    // Both only grow, so the sum changes whenever one of them does.
    return this.#endedEpochs + this.#memory.restarts;
  }

  endEpoch(): void {
    this.#endedEpochs += 1;
  }

  open(flags: number): { readonly handle: Handle; readonly epoch: number } {
    const { handle, held, restarts } = openSession({
      cryptoki: this.#cryptoki,
      memory: this.#memory,
      slot: this.#slot,
      flags,
      isHeldHere: (other) => this.#held.has(other.toString('hex')),
    });
    const name = handle.toString('hex');
    this.#held.set(name, held);
    this.#opened.set(name, handle);
    return { handle, epoch: this.#endedEpochs + restarts };
  }

  close(handle: Handle): void {
    const name = handle.toString('hex');
    // The handle stays held until the session is closed, so that no thread takes it for a new one.
    this.#held.get(name)?.close(() => closeSession(this.#cryptoki, handle));
    this.#held.delete(name);
    this.#opened.delete(name);
  }

  otherOpenSession(handle: Handle): Handle | undefined {
    return [...this.#opened.values()].findLast((other) => !other.equals(handle));
  }
}
