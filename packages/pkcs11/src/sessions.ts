import type { Handle } from './cryptoki.ts';
import { isStale, Pkcs11Error } from './errors.ts';

/** A session that is lent to one piece of work at a time. */
export interface Session {
  readonly handle: Handle;
  /** Grows whenever the token is found to have forgotten its sessions; older handles of any kind are void then. */
  readonly epoch: number;
}

/** A bounded set of sessions with one token. */
export interface SessionPool {
  /**
   * Lends a session to the work, first come, first served. A session on which anything fails is closed, because
   * an operation may be left active on it. If the failure says that our sessions, login or handles are out of
   * date, all sessions are opened anew and the work runs once more.
   */
  run<T>(work: (session: Session) => T | Promise<T>): Promise<T>;
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
  readonly #waiting: { resolve(session: Session): void; reject(error: unknown): void }[] = [];
  #open = 0;
  #epoch = 0;
  #closed = false;

  constructor(options: SessionPoolOptions) {
    this.#options = options;
  }

  async run<T>(work: (session: Session) => T | Promise<T>): Promise<T> {
    try {
      return await this.#runOnce(work);
    } catch (error) {
      if (!isStale(error)) throw error;
      return this.#runOnce(work);
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
    for (const waiting of this.#waiting.splice(0)) waiting.reject(closedError());
    if (this.#open === 0) this.#options.drained();
    else this.#closeIdle();
  }

  async #runOnce<T>(work: (session: Session) => T | Promise<T>): Promise<T> {
    const session = await this.#take();
    try {
      const result = await work(session);
      this.#giveBack(session);
      return result;
    } catch (error) {
      this.#discard(session, error);
      throw error;
    }
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

  #take(): Session | Promise<Session> {
    if (this.#closed) throw closedError();
    const idle = this.#idle.pop();
    if (idle !== undefined) return idle;
    if (this.#open < this.#options.limit) return this.#openSession();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  #giveBack(session: Session): void {
    const surplus = this.#open > this.#options.limit;
    if (this.#closed || surplus || session.epoch !== this.#epoch) {
      this.#closeSession(session);
      this.#serveWaiting();
      return;
    }
    const next = this.#waiting.shift();
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
    while (this.#open < this.#options.limit) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      try {
        next.resolve(this.#openSession());
      } catch (error) {
        next.reject(error);
      }
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

function closedError(): Pkcs11Error {
  return new Pkcs11Error('CLOSED', 'the token is closed');
}
