import type { Pkcs11ErrorCode } from '../error-codes.ts';
import { isExhausted, isStale, Pkcs11Error } from '../errors.ts';
import type { Session, TokenSessions } from './token-sessions.ts';
import { type WaitQueue, waitQueue } from './wait-queue.ts';

/** How a call is made. */
export interface CallOptions {
  /**
   * Gives the call up while it waits for a session: it rejects with the signal's reason, and never reaches the token.
   * A call that has reached the token cannot be cancelled.
   */
  readonly signal?: AbortSignal | undefined;
  /**
   * Called when the call has returned, with the milliseconds that it took, from its wait for a session on. It must not throw:
   * its error would take the place of the result.
   */
  readonly onReturn?: ((elapsedMs: number) => void) | undefined;
}

/** A bounded set of sessions with one token, and the queue of calls that wait for one. */
export interface SessionPool {
  /**
   * Lends a session of the current epoch to the work, first come, first served. If the work fails and the epoch has ended
   * meanwhile, or the error says so (`isStale`), it runs once more on another session, unless the signal is aborted by then.
   * Work that returns no promise has given its session back before any other code runs, if one was idle or could be opened.
   *
   * A session on which something failed is closed, because an operation may be left active on it; but not if the token
   * only refused what was asked of it.
   *
   * @throws Pkcs11Error SESSIONS_EXHAUSTED when the queue is full; the reason of an aborted signal
   */
  run<T>(work: (session: Session) => T | Promise<T>, options?: CallOptions): Promise<T>;
  /** As `run`, for work that cannot wait: it gets a session beyond the limit if all sessions are lent. */
  runNow<T>(work: (session: Session) => T): T;
  /**
   * As `runNow`, on a new session that is opened with these flags and closed afterwards. If the token has no session left,
   * an idle one is closed to make room.
   */
  runOnNewSession<T>(flags: number, work: (session: Session) => T): T;
  /** How many sessions are open, how many of them idle, and how many there may be. */
  counts(): { open: number; idle: number; limit: number };
  /** Closes idle sessions at once and lent ones on their return, and refuses all calls that wait. */
  close(): void;
}

/** How to make a pool. */
export interface SessionPoolOptions {
  readonly limit: number;
  /** How many calls may wait at once. */
  readonly maxWaiting: number;
  readonly sessions: TokenSessions;
  /** Called once, when the pool is closed and its last session has come back. */
  onDrained(): void;
}

/** Returns an empty pool, which opens sessions when they are needed. */
export function sessionPool(options: SessionPoolOptions): SessionPool {
  return new Pool(options);
}

class Pool implements SessionPool {
  readonly #options: SessionPoolOptions;
  readonly #sessions: TokenSessions;
  readonly #idle: Session[] = [];
  readonly #waiting: WaitQueue<Session>;
  #open = 0;
  #closed = false;

  constructor(options: SessionPoolOptions) {
    this.#options = options;
    this.#sessions = options.sessions;
    this.#waiting = waitQueue(options.maxWaiting);
  }

  async run<T>(
    work: (session: Session) => T | Promise<T>,
    { signal, onReturn }: CallOptions = {},
  ): Promise<T> {
    const startedAtMs = performance.now();
    try {
      for (let isRepeated = false; ; isRepeated = true) {
        signal?.throwIfAborted();
        let session: Session | undefined;
        try {
          const given = this.#take(signal);
          const taken = given instanceof Promise ? await given : given;
          // During the wait the signal may have been aborted, or the epoch may have ended.
          if (signal?.aborted === true) {
            this.#giveBack(taken);
            continue;
          }
          session = this.#sessions.isCurrent(taken) ? taken : this.#renew(taken);
          const pending = work(session);
          const result = pending instanceof Promise ? await pending : pending;
          this.#giveBack(session);
          return result;
        } catch (error) {
          const mayRetry = isStale(error) || (session !== undefined && !this.#sessions.isCurrent(session));
          if (session !== undefined) this.#giveBackAfterError(error, session);
          if (isRepeated || !mayRetry) throw error;
        }
      }
    } finally {
      onReturn?.(performance.now() - startedAtMs);
    }
  }

  runNow<T>(work: (session: Session) => T): T {
    return retryIfStale(() => this.#runNowOnce(work));
  }

  runOnNewSession<T>(flags: number, work: (session: Session) => T): T {
    return retryIfStale(() => this.#runOnNewSessionOnce(flags, work));
  }

  counts() {
    return { open: this.#open, idle: this.#idle.length, limit: this.#options.limit };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting.refuseAll(closedError());
    if (this.#open === 0) this.#options.onDrained();
    else for (const session of this.#idle.splice(0)) this.#closeSession(session);
  }

  #runNowOnce<T>(work: (session: Session) => T): T {
    if (this.#closed) throw closedError();
    const session = this.#takeIdle() ?? this.#openSession();
    try {
      const result = work(session);
      this.#giveBack(session);
      return result;
    } catch (error) {
      this.#giveBackAfterError(error, session);
      throw error;
    }
  }

  #runOnNewSessionOnce<T>(flags: number, work: (session: Session) => T): T {
    if (this.#closed) throw closedError();
    const session = this.#openSession(flags);
    try {
      return work(session);
    } catch (error) {
      if (isStale(error)) this.#endEpoch(session);
      throw error;
    } finally {
      this.#closeSession(session);
      this.#serveWaiting();
    }
  }

  #take(signal: AbortSignal | undefined): Session | Promise<Session> {
    if (this.#closed) throw closedError();
    const idle = this.#takeIdle();
    if (idle !== undefined) return idle;
    // Sessions that are still idle here are stale, and make room.
    const mayOpen = this.#open < this.#options.limit || this.#idle.length > 0;
    const opened = mayOpen ? this.#openUnlessExhausted() : undefined;
    return opened ?? this.#waiting.join(signal);
  }

  /** Returns undefined if all idle sessions are stale. */
  #takeIdle(): Session | undefined {
    const at = this.#idle.findLastIndex((session) => this.#sessions.isCurrent(session));
    if (at < 0) return undefined;
    const [session] = this.#idle.splice(at, 1);
    if (at < this.#idle.length) this.#closeStale();
    return session;
  }

  /** Returns a session in place of a stale one, synchronously: no other work of this thread comes between it and its work. */
  #renew(session: Session): Session {
    if (this.#closed) {
      this.#closeSession(session);
      throw closedError();
    }
    this.#idle.push(session);
    try {
      return this.#takeIdle() ?? this.#openSession();
    } catch (error) {
      this.#closeStale();
      this.#serveWaiting();
      throw error;
    }
  }

  #giveBack(session: Session): void {
    const surplus = this.#open > this.#options.limit;
    if (this.#closed || surplus || !this.#sessions.isCurrent(session)) {
      this.#closeSession(session);
      this.#serveWaiting();
    } else if (!this.#waiting.serve(session)) {
      this.#idle.push(session);
    }
  }

  #giveBackAfterError(error: unknown, session: Session): void {
    if (isStale(error)) this.#endEpoch(session);
    else if (leavesSessionUsable(error)) return this.#giveBack(session);
    this.#closeSession(session);
    this.#serveWaiting();
  }

  #endEpoch(session: Session): void {
    this.#sessions.endEpoch(session);
    // The token has forgotten the idle sessions. One that is kept would keep a login, and hide that the token may be gone.
    this.#closeStale();
  }

  #serveWaiting(): void {
    while (this.#open < this.#options.limit && this.#waiting.length > 0) {
      try {
        const session = this.#openUnlessExhausted();
        if (session === undefined) return;
        this.#giveBack(session);
      } catch (error) {
        // Another attempt may block the process for as long. If sessions are open, the other calls wait for those.
        if (this.#open > 0) this.#waiting.refuse(error);
        else this.#waiting.refuseAll(error);
        return;
      }
    }
  }

  /** Returns undefined if the token has no session left but those of this pool: one of them will come back. */
  #openUnlessExhausted(): Session | undefined {
    try {
      return this.#openSession();
    } catch (error) {
      if (this.#open > 0 && isExhausted(error)) return undefined;
      throw error;
    }
  }

  /**
   * Opens a session. Stale idle sessions are closed only once the new one is open, because the login compares itself with
   * one of them; or when opening fails. If the token has no session left, that makes room for a second attempt; if none
   * was stale, one idle session is closed to make room.
   */
  #openSession(flags?: number): Session {
    let session: Session;
    try {
      session = this.#sessions.open(flags);
    } catch (error) {
      const wereStale = this.#closeStale();
      if (!isExhausted(error) || !(wereStale || this.#closeOldestIdle())) throw error;
      session = this.#sessions.open(flags);
    }
    this.#open += 1;
    this.#closeStale();
    return session;
  }

  /** Closes the stale idle sessions, and returns whether there were any. */
  #closeStale(): boolean {
    const idle = this.#idle.splice(0);
    for (const session of idle) {
      if (this.#sessions.isCurrent(session)) this.#idle.push(session);
      else this.#closeSession(session);
    }
    return this.#idle.length < idle.length;
  }

  /** Closes the idle session that was used longest ago, and returns whether there was one. */
  #closeOldestIdle(): boolean {
    const session = this.#idle.shift();
    if (session !== undefined) this.#closeSession(session);
    return session !== undefined;
  }

  #closeSession(session: Session): void {
    this.#open -= 1;
    this.#sessions.close(session);
    if (this.#closed && this.#open === 0) this.#options.onDrained();
  }
}

/**
 * Whether a failure leaves no operation active on its session: the call did not begin, or it has ended and the token only
 * refused what was asked of it. Such a session is kept: closing the last session would log the process out.
 */
function leavesSessionUsable(error: unknown): boolean {
  if (!(error instanceof Pkcs11Error)) return error instanceof RangeError;
  return error.returnValue === undefined || REFUSALS.has(error.code);
}

function retryIfStale<T>(run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!isStale(error)) throw error;
    return run();
  }
}

function closedError(): Pkcs11Error {
  return new Pkcs11Error('CLOSED', 'the token is closed');
}

const REFUSALS: ReadonlySet<Pkcs11ErrorCode> = new Set([
  'DECRYPTION_FAILED',
  'INPUT_REFUSED',
  'KEY_UNSUITABLE',
  'KEY_USAGE_FORBIDDEN',
  'MECHANISM_UNSUPPORTED',
]);
