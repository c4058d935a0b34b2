import { callCryptoki, isExhausted, Pkcs11Error } from '../errors.ts';
import type { Cryptoki, Handle } from '../library/cryptoki.ts';
import type { ModuleMemory } from '../library/module-memory.ts';
import type { HeldHandle } from './session-handles.ts';

/** A new session, whose handle no other thread holds. */
export interface OpenedSession {
  readonly handle: Handle;
  readonly held: HeldHandle;
  /**
   * How many restarts of the module were counted when the opening began or, if the opening noticed one itself, once it had
   * counted that one.
   */
  readonly restarts: number;
}

/** Where to open a session, and how. */
export interface OpenSessionOptions {
  readonly cryptoki: Cryptoki;
  readonly memory: ModuleMemory;
  readonly slot: Handle;
  readonly flags: number;
  /** Whether this thread holds a handle, for any token. */
  readonly isHeldHere: (handle: Handle) => boolean;
}

/**
 * Opens a session under a handle that no thread of the process holds.
 *
 * If the module returns a handle that is held already, in any thread and for any token, that session is set aside, another is
 * opened, and the one set aside is closed at the end. Such a handle shows that the module has begun its handles anew: that is
 * counted as one restart, unless the holder is closing its session or was told before (see `reportReissue`). Only if the token
 * has no session left is the handle taken over: its holder may be in a call that never returns.
 *
 * @throws Pkcs11Error
 */
export function openSession(options: OpenSessionOptions): OpenedSession {
  return new SessionOpening(options).run();
}

/** Closes a session. A session that the token has dropped is closed already. */
export function closeSession(cryptoki: Cryptoki, handle: Handle): void {
  try {
    cryptoki.C_CloseSession(handle);
  } catch {
    // The token has dropped it before: there is nothing left to close.
  }
}

class SessionOpening {
  readonly #options: OpenSessionOptions;
  readonly #setAside = new Map<string, Handle>();
  // Read before the session is opened: if another thread notices a restart meanwhile, the session counts as stale.
  #restarts: number;
  #hasCounted = false;
  #hasRepeated = false;

  constructor(options: OpenSessionOptions) {
    this.#options = options;
    this.#restarts = options.memory.restarts;
  }

  run(): OpenedSession {
    try {
      return this.#openNew();
    } catch (error) {
      const opened = isExhausted(error) ? this.#takeOver() : undefined;
      if (opened === undefined) throw error;
      return opened;
    } finally {
      for (const handle of this.#setAside.values()) closeSession(this.#options.cryptoki, handle);
    }
  }

  #openNew(): OpenedSession {
    const { cryptoki, slot, flags } = this.#options;
    for (;;) {
      const handle = callCryptoki('C_OpenSession', () => cryptoki.C_OpenSession(slot, flags));
      const opened = this.#hold(handle);
      if (opened !== undefined) return opened;
    }
  }

  /** Returns undefined if the handle is held already, which sets the session aside; or if the session was closed meanwhile. */
  #hold(handle: Handle): OpenedSession | undefined {
    const { sessions } = this.#options.memory;
    do {
      const held = sessions.hold(handle);
      if (held !== undefined) return this.#keep(handle, held);
      const reissue = sessions.reportReissue(handle);
      if (reissue === 'first') this.#countRestart();
      if (reissue !== 'released') this.#putAside(handle);
      // A holder that has let go of the handle may have closed this session.
    } while (!this.#setAside.has(hexOf(handle)) && this.#isOpen(handle));
    return undefined;
  }

  #countRestart(): void {
    if (!this.#hasCounted) this.#restarts = this.#options.memory.countRestart();
    this.#hasCounted = true;
  }

  #putAside(handle: Handle): void {
    const name = hexOf(handle);
    if (this.#setAside.has(name)) {
      // The first time, the holder may have closed it after all.
      if (this.#hasRepeated) {
        throw new Pkcs11Error('DEVICE_ERROR', 'C_OpenSession gives the same session again');
      }
      this.#hasRepeated = true;
    }
    this.#setAside.set(name, handle);
  }

  /** Takes over one of the handles set aside, but none that this thread holds: it can close its earlier session itself. */
  #takeOver(): OpenedSession | undefined {
    const { memory, isHeldHere } = this.#options;
    for (const handle of this.#setAside.values()) {
      const held = isHeldHere(handle) ? undefined : memory.sessions.takeOver(handle);
      if (held !== undefined) return this.#keep(handle, held);
    }
    return undefined;
  }

  #keep(handle: Handle, held: HeldHandle): OpenedSession {
    this.#setAside.delete(hexOf(handle));
    return { handle, held, restarts: this.#restarts };
  }

  #isOpen(handle: Handle): boolean {
    try {
      this.#options.cryptoki.C_GetSessionInfo(handle);
      return true;
    } catch {
      return false;
    }
  }
}

const hexOf = (handle: Handle): string => handle.toString('hex');
