import type { Handle } from './cryptoki.ts';
import { isStale, Pkcs11Error } from './errors.ts';

/** A session that is lent to one piece of work at a time. */
export interface Session {
  readonly handle: Handle;
  /** Grows whenever the token is found to have forgotten its sessions; older handles of any kind are void then. */
  readonly epoch: number;
}

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
   * Lends a session to the work, first come, first served. A session on which anything fails is closed, because
   * an operation may be left active on it. If the failure says that our sessions, login or handles are out of
   * date, all sessions are opened anew and the work runs once more, unless the signal is aborted by then.
   *
   * @throws Pkcs11Error SESSIONS_EXHAUSTED when as many wait as may; the reason of an aborted signal
   */
  run<T>(work: (session: Session) => T | Promise<T>, options?: CallOptions): Promise<T>;
  /** As `run`, for work that cannot wait: it gets a session beyond the limit if all are lent. */
  runNow<T>(work: (session: Session) => T): T;
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
  /** Opens a session in which the user is logged in. */
  open(): Handle;
  close(session: Handle): void;
  /** Called once, when the pool is closed and its last session came back. */
  drained(): void;
}

/** An empty pool: sessions are opened when they are needed. */
export function sessionPool(options: SessionPoolOptions): SessionPool {
  return new Pool(options);
}

class Pool implements SessionPool {
  readonly #options: SessionPoolOptions;
  readonly #idle: Session[] = [];
  // In the order of their arrival.
  readonly #waiting = new Set<Waiter>();
  #open = 0;
  #epoch = 0;
  #closed = false;

  constructor(options: SessionPoolOptions) {
    this.#options = options;
  }

  async run<T>(work: (session: Session) => T | Promise<T>, { signal }: CallOptions = {}): Promise<T> {
    for (let isRepeated = false; ; isRepeated = true) {
      signal?.throwIfAborted();
      const session = await this.#take(signal);
      if (signal?.aborted === true) {
        this.#giveBack(session);
        throw signal.reason;
      }
      try {
        const result = await work(session);
        this.#giveBack(session);
        return result;
      } catch (error) {
        this.#discard(session, error);
        if (isRepeated || !isStale(error)) throw error;
      }
    }
  }

  runNow<T>(work: (session: Session) => T): T {
    try {
      return this.#runNowOnce(work);
    } catch (error) {
      if (!isStale(error)) throw error;
      return this.#runNowOnce(work);
    }
  }

  counts() {
    return { open: this.#open, idle: this.#idle.length, limit: this.#options.limit };
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#rejectWaiting(closedError());
    if (this.#open === 0) this.#options.drained();
    else this.#closeIdle();
  }

  #runNowOnce<T>(work: (session: Session) => T): T {
    if (this.#closed) throw closedError();
    const session = this.#idle.pop() ?? this.#openSession();
    try {
      const result = work(session);
      this.#giveBack(session);
      return result;
    } catch (error) {
      this.#discard(session, error);
      throw error;
    }
  }

  #take(signal: AbortSignal | undefined): Session | Promise<Session> {
    if (this.#closed) throw closedError();
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    const opened = this.#open < this.#options.limit ? this.#openUnlessExhausted() : undefined;
    return opened ?? this.#wait(signal);
  }

  #wait(signal: AbortSignal | undefined): Promise<Session> {
    if (this.#waiting.size >= this.#options.maxWaiting) {
      throw new Pkcs11Error('SESSIONS_EXHAUSTED', 'as many calls wait for a session as may');
    }
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        this.#waiting.delete(waiter);
        reject(signal?.reason);
      };
      const waiter: Waiter = {
        resolve(session) {
          signal?.removeEventListener('abort', abort);
          resolve(session);
        },
        reject(error) {
          signal?.removeEventListener('abort', abort);
          reject(error);
        },
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.add(waiter);
    });
  }

  #giveBack(session: Session): void {
    const surplus = this.#open > this.#options.limit;
    if (this.#closed || surplus || session.epoch !== this.#epoch) {
      this.#closeSession(session);
      this.#serveWaiting();
      return;
    }
    const next = this.#nextWaiter();
    if (next === undefined) this.#idle.push(session);
    else next.resolve(session);
  }

  #discard(session: Session, error: unknown): void {
    if (isStale(error) && session.epoch === this.#epoch) {
      this.#epoch += 1;
      this.#closeIdle();
    }
    this.#closeSession(session);
    this.#serveWaiting();
  }

  #serveWaiting(): void {
    while (this.#open < this.#options.limit && this.#waiting.size > 0) {
      try {
        const session = this.#openUnlessExhausted();
        if (session === undefined) return;
        this.#giveBack(session);
      } catch (error) {
        // Another attempt may hold up everybody for as long. Where sessions are open, the others wait for those.
        if (this.#open > 0) this.#nextWaiter()?.reject(error);
        else this.#rejectWaiting(error);
        return;
      }
    }
  }

  #rejectWaiting(error: unknown): void {
    for (const waiter of this.#waiting) waiter.reject(error);
    this.#waiting.clear();
  }

  #nextWaiter(): Waiter | undefined {
    const [next] = this.#waiting;
    if (next !== undefined) this.#waiting.delete(next);
    return next;
  }

  /** Undefined if the token has no session left for us but those we have: one of them will come back. */
  #openUnlessExhausted(): Session | undefined {
    try {
      return this.#openSession();
    } catch (error) {
      if (this.#open > 0 && error instanceof Pkcs11Error && error.code === 'SESSIONS_EXHAUSTED') {
        return undefined;
      }
      throw error;
    }
  }

  #openSession(): Session {
    const handle = this.#options.open();
    this.#open += 1;
    return { handle, epoch: this.#epoch };
  }

  #closeIdle(): void {
    for (const session of this.#idle.splice(0)) this.#closeSession(session);
  }

  #closeSession(session: Session): void {
    this.#open -= 1;
    this.#options.close(session.handle);
    if (this.#closed && this.#open === 0) this.#options.drained();
  }
}

interface Waiter {
  resolve(session: Session): void;
  reject(error: unknown): void;
}

function closedError(): Pkcs11Error {
  return new Pkcs11Error('CLOSED', 'the token is closed');
}
