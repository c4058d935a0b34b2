import type { Pkcs11ErrorCode } from '../error-codes.ts';
import { isExhausted, isStale, Pkcs11Error } from '../errors.ts';
import type { Session, TokenSessions } from './token-sessions.ts';
import { type WaitQueue, waitQueue } from './wait-queue.ts';

/** How a call is made. */
export interface CallOptions {
  /**
   * Gives the call up while it waits for a session: it is rejected with the signal's reason, and the token never
   * hears of it. A call that has reached the token cannot be taken back.
   */
  readonly signal?: AbortSignal | undefined;
}

/** A bounded set of sessions with one token, and of those who wait for one. */
export interface SessionPool {
  /**
   * Lends a session of the epoch that lasts to the work, first come, first served. If the work fails and the epoch has
   * ended meanwhile, or the failure says so, it runs once more on another session, unless the signal is aborted by then.
   *
   * A session is closed when something failed on it, because an operation may be left active; but not when the token
   * only refused what was asked of it.
   *
   * @throws Pkcs11Error SESSIONS_EXHAUSTED when as many wait as may; the reason of an aborted signal
   */
  run<T>(work: (session: Session) => T | Promise<T>, options?: CallOptions): Promise<T>;
  /** As `run`, for work that cannot wait: it gets a session beyond the limit if all are lent. */
  runNow<T>(work: (session: Session) => T): T;
  /**
   * As `runNow`, with a new session that was opened with these flags and that nobody else gets. An idle one is given up for it
   * where the token has no other left.
   */
  runOnNewSession<T>(flags: number, work: (session: Session) => T): T;
  /** How many sessions are open, how many of them idle, and how many there may be. */
  counts(): { open: number; idle: number; limit: number };
  /** Closes idle sessions at once, lent ones on their return, and refuses everybody who waits. */
  close(): void;
}

/** What a pool needs to know. */
export interface SessionPoolOptions {
  readonly limit: number;
  /** How many may wait at once. */
  readonly maxWaiting: number;
  readonly sessions: TokenSessions;
  /** Called once, when the pool is closed and its last session came back. */
  onDrained(): void;
}

/** An empty pool: sessions are opened when they are needed. */
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

  async run<T>(work: (session: Session) => T | Promise<T>, { signal }: CallOptions = {}): Promise<T> {
    for (let isRepeated = false; ; isRepeated = true) {
      signal?.throwIfAborted();
      let session: Session | undefined;
      try {
        const taken = await this.#take(signal);
        // While it was waited for, the signal may have been aborted or the epoch ended.
        if (signal?.aborted === true) {
          this.#giveBack(taken);
          continue;
        }
        session = this.#sessions.isCurrent(taken) ? taken : this.#renew(taken);
        const result = await work(session);
        this.#giveBack(session);
        return result;
      } catch (error) {
        const mayRetry = isStale(error) || (session !== undefined && !this.#sessions.isCurrent(session));
        if (session !== undefined) this.#giveBackAfterError(error, session);
        if (isRepeated || !mayRetry) throw error;
      }
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
    // Whatever is idle still is void, and makes room.
    const mayOpen = this.#open < this.#options.limit || this.#idle.length > 0;
    const opened = mayOpen ? this.#openUnlessExhausted() : undefined;
    return opened ?? this.#waiting.join(signal);
  }

  /** None, if all that are idle are void. */
  #takeIdle(): Session | undefined {
    const at = this.#idle.findLastIndex((session) => this.#sessions.isCurrent(session));
    if (at < 0) return undefined;
    const [session] = this.#idle.splice(at, 1);
    if (at < this.#idle.length) this.#closeStale();
    return session;
  }

  /** A session in place of a void one, at once: nothing comes before its work that could make it void in turn. */
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
    // The token has forgotten them. To keep one would keep a login, and hide that there may be no token any more.
    this.#closeStale();
  }

  #serveWaiting(): void {
    while (this.#open < this.#options.limit && this.#waiting.length > 0) {
      try {
        const session = this.#openUnlessExhausted();
        if (session === undefined) return;
        this.#giveBack(session);
      } catch (error) {
        // Another attempt may hold up everybody for as long. Where sessions are open, the others wait for those.
        if (this.#open > 0) this.#waiting.refuse(error);
        else this.#waiting.refuseAll(error);
        return;
      }
    }
  }

  /** Undefined if the token has no session left for us but those we have: one of them will come back. */
  #openUnlessExhausted(): Session | undefined {
    try {
      return this.#openSession();
    } catch (error) {
      if (this.#open > 0 && isExhausted(error)) return undefined;
      throw error;
    }
  }

  /**
   * Closes those that are void only then, unless the token has no other: they show what a login there makes void. Without any
   * of them, one that is idle makes room.
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

  /** Whether there were any. */
  #closeStale(): boolean {
    const idle = this.#idle.splice(0);
    for (const session of idle) {
      if (this.#sessions.isCurrent(session)) this.#idle.push(session);
      else this.#closeSession(session);
    }
    return this.#idle.length < idle.length;
  }

  /** Gives up the one that was used least lately, and answers whether there was one. */
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
 * Whether a failure leaves no operation active on its session: the call did not begin or has ended, and the token only
 * does not want what was asked of it. To close the last session would log the process out.
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
