import { type PinGuard, Pkcs11Error, pinGuard } from '@holdfast/pkcs11';
import { timedOut } from '../../deadline.ts';
import { isPinRefusal } from '../failures.ts';
import { type Job, newJob, type RunOptions } from './job.ts';
import type { ThreadAnswer, ThreadCall, ThreadSettings } from './messages.ts';
import { startTokenThread, type TokenThread } from './token-thread.ts';

/** The threads in which a token's calls run, and the calls that wait for one. */
export interface ThreadPool {
  /**
   * Makes a call in the next free thread. Rejects with Pkcs11Error, SESSIONS_EXHAUSTED if too many calls wait; and with
   * `DependencyTimeoutException` when the deadline is reached or the call hangs.
   */
  run(call: ThreadCall, options?: RunOptions): Promise<ThreadAnswer>;
  /** Starts a few threads ahead of their work; resolves when the first, or all, have opened the token, or cannot. */
  warmUp(awaited: 'first' | 'all'): Promise<void>;
  counts(): ThreadCounts;
  /** Whether no thread could make a call, or has been able to log in for one for a while, until one that hangs returns. */
  isStuck(): boolean;
  /** Refuses the calls that wait, ends all threads, and resolves when the first new one has opened the token, or cannot. */
  renew(): Promise<void>;
  /**
   * Refuses the calls that wait, and resolves when all threads except those that hang have ended.
   *
   * @param onEnded called once all threads have ended: before this resolves, unless some hang
   */
  close(onEnded: () => void): Promise<void>;
}

/** The numbers of threads, of those that are busy or hang, and of calls that wait. */
interface ThreadCounts {
  readonly threads: number;
  readonly busy: number;
  readonly hung: number;
  readonly waiting: number;
}

/** How large a pool may become. */
export interface ThreadPoolOptions {
  readonly settings: ThreadSettings;
  readonly maxThreads: number;
  readonly maxWaiting: number;
}

/** A pool without threads: they are started when there is work for them, or by `warmUp`. */
export function threadPool(options: ThreadPoolOptions): ThreadPool {
  return new Pool(options);
}

class Pool implements ThreadPool {
  readonly #options: ThreadPoolOptions;
  /** Threads that have opened their token or are about to. */
  readonly #threads = new Set<TokenThread>();
  /** Threads that are about to open their token, with the function that gives up on it. */
  readonly #starting = new Map<TokenThread, (reason: unknown) => void>();
  readonly #idle: TokenThread[] = [];
  /** Threads that end as soon as their call returns. */
  readonly #leaving = new Set<TokenThread>();
  /** Threads that were given up, since their call does not return. Each is replaced, up to a limit. */
  readonly #hung = new Set<TokenThread>();
  /** In the order of their arrival. */
  readonly #waiting = new Set<Job>();
  readonly #jobs = new Map<TokenThread, Job>();
  readonly #watch: NodeJS.Timeout;
  /** A PIN that was refused once is not offered again: the token would lock itself. */
  #refused: Pkcs11Error | undefined;
  /** The failure of the last thread that could not open the token. */
  #failure: { readonly error: unknown; readonly atMs: number; readonly lacksLogin: boolean } | undefined;
  readonly #guard: PinGuard;
  /** Threads whose last call needed a login that none can make, since others do not return from theirs. */
  readonly #loggedOut = new Set<TokenThread>();
  /** Since when no thread is logged in or can log in; undefined if one may. */
  #loginLostAtMs: number | undefined;
  #closed = false;

  constructor(options: ThreadPoolOptions) {
    this.#options = options;
    this.#guard = pinGuard(options.settings.pinGuard);
    this.#watch = setInterval(() => this.#giveUpHung(), WATCH_INTERVAL_MS).unref();
  }

  run(call: ThreadCall, options: RunOptions = {}): Promise<ThreadAnswer> {
    return new Promise((resolve, reject) => {
      options.deadline?.throwIfReached();
      this.#admit();
      const job = newJob(call, options, { resolve, reject }, (late) => this.#waiting.delete(late));
      const idle = this.#idle.pop();
      if (idle !== undefined) return this.#start(idle, job);
      this.#waiting.add(job);
      this.#startThreads();
    });
  }

  async warmUp(awaited: 'first' | 'all'): Promise<void> {
    const missing = Math.min(WARM_THREADS, this.#options.maxThreads) - this.#threads.size;
    // The first one shows whether more can start: each start takes time from all other threads.
    if (missing <= 0 || !(await this.#startThread())) return;
    const others = Promise.all(Array.from({ length: missing - 1 }, () => this.#startThread()));
    if (awaited === 'all') await others;
  }

  counts(): ThreadCounts {
    return {
      threads: this.#threads.size,
      busy: this.#jobs.size,
      hung: this.#hung.size,
      waiting: this.#waiting.size,
    };
  }

  isStuck(): boolean {
    const lostAtMs = this.#loginLostAtMs ?? Number.POSITIVE_INFINITY;
    return this.#hasNoThread() || performance.now() - lostAtMs >= LOGIN_LOST_MS;
  }

  #hasNoThread(): boolean {
    return this.#threads.size === 0 && this.#hung.size >= this.#maxHung();
  }

  async renew(): Promise<void> {
    await this.#endAll();
    await this.warmUp('first');
  }

  async close(onEnded: () => void): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#endAll();
    const hung = Promise.all([...this.#hung].map(({ ended }) => ended)).then(onEnded);
    await Promise.race([hung, new Promise<void>((resolve) => void setTimeout(resolve, LAST_CHANCE_MS))]);
    clearInterval(this.#watch);
  }

  /** Resolves when all threads except those that hang have ended. */
  async #endAll(): Promise<void> {
    this.#refuseWaiting(closedError());
    for (const thread of this.#threads) this.#leaving.add(thread);
    for (const thread of this.#idle.splice(0)) this.#end(thread);
    await Promise.all(
      [...this.#threads].map((thread) => Promise.race([thread.ended, this.#givenUp(thread)])),
    );
  }

  /** Throws if a call would wait in vain. */
  #admit(): void {
    if (this.#closed) throw closedError();
    if (this.#refused !== undefined) throw this.#refused;
    if (this.#waiting.size >= this.#options.maxWaiting) {
      throw new Pkcs11Error('SESSIONS_EXHAUSTED', 'as many calls wait for a thread as may');
    }
    if (this.#isInVain()) throw timedOut();
    const { error } = this.#failure ?? {};
    if (this.#threads.size === 0 && this.#isPaused() && isExhaustion(error)) throw error;
  }

  /** Whether no call can be made now, though a login that takes long may yet return. */
  #isInVain(): boolean {
    return this.#hasNoThread() || this.#lacksLogin();
  }

  /** Whether no open thread is logged in, as far as their last calls tell: a token may have a login for each session. */
  #lacksLogin(): boolean {
    if (!this.#guard.isBlocked()) return false;
    const open = [...this.#threads].filter((thread) => !this.#starting.has(thread));
    if (open.length === 0) return this.#failure?.lacksLogin === true;
    return open.every((thread) => this.#loggedOut.has(thread));
  }

  #isPaused(): boolean {
    return this.#failure !== undefined && performance.now() - this.#failure.atMs < PAUSE_MS;
  }

  #startThreads(): void {
    if (this.#isInVain()) this.#refuseWaiting(timedOut());
    const { maxThreads } = this.#options;
    const isWanted =
      this.#waiting.size > 0 && this.#threads.size < maxThreads && this.#hung.size < this.#maxHung();
    // One after the other: to start a thread costs more than the calls that wait for it. If the last one could not open the
    // token, the token may allow no more sessions than those of the threads that have.
    const isInVain = this.#starting.size > 0 || (this.#threads.size > 0 && this.#isPaused());
    if (isWanted && !isInVain) void this.#startThread();
  }

  /** Starts a thread; resolves to whether it has opened the token. */
  async #startThread(): Promise<boolean> {
    try {
      const thread = await this.#openedThread();
      this.#failure = undefined;
      this.#next(thread);
      return true;
    } catch (error) {
      this.#failure = { error, atMs: performance.now(), lacksLogin: this.#isForLogin(error) };
      this.#learn(error);
      // Calls that wait are refused with the cause: other threads would fail in the same way.
      if (this.#threads.size === this.#starting.size) this.#refuseWaiting(error);
      return false;
    }
  }

  async #openedThread(): Promise<TokenThread> {
    const { thread, opened } = startTokenThread(this.#options.settings);
    const givenUp = new Promise<never>((_, reject) => void this.#starting.set(thread, reject));
    this.#threads.add(thread);
    void thread.ended.then(() => this.#forget(thread));
    try {
      await Promise.race([opened, givenUp]);
      return thread;
    } catch (error) {
      this.#threads.delete(thread);
      this.#end(thread);
      throw error;
    } finally {
      this.#starting.delete(thread);
    }
  }

  #start(thread: TokenThread, job: Job): void {
    this.#jobs.set(thread, job);
    thread
      .call(job.call, job.handedOver)
      .then(
        (answer) => {
          this.#loggedOut.delete(thread);
          return job.resolve(answer);
        },
        (error: unknown) => {
          if (this.#isForLogin(error)) this.#loggedOut.add(thread);
          else this.#loggedOut.delete(thread);
          this.#learn(error);
          job.reject(error);
        },
      )
      .finally(() => {
        this.#jobs.delete(thread);
        this.#next(thread);
      });
  }

  #next(thread: TokenThread): void {
    // After `close`, a thread that hung is waited for until it has ended.
    if (this.#closed) return this.#end(thread);
    // A thread that was given up may have been replaced.
    if (this.#hung.delete(thread) && this.#threads.size < this.#options.maxThreads) this.#threads.add(thread);
    if (this.#leaving.has(thread) || !this.#threads.has(thread)) return this.#end(thread);
    const [job] = this.#waiting;
    if (job === undefined) {
      // The next call takes the last one, which should not be a thread that cannot make it.
      if (this.#loggedOut.has(thread)) this.#idle.unshift(thread);
      else this.#idle.push(thread);
      return undefined;
    }
    this.#waiting.delete(job);
    return this.#start(thread, job);
  }

  #giveUpHung(): void {
    const latestMs = performance.now() - HANG_MS;
    for (const thread of this.#threads) {
      const { busySinceMs } = thread;
      const startingMs = this.#starting.has(thread) ? START_MS : 0;
      if (busySinceMs === undefined || busySinceMs + startingMs > latestMs) continue;
      this.#giveUp(thread);
    }
    if (!this.#guard.isBlocked()) this.#loggedOut.clear();
    this.#loginLostAtMs = this.#lacksLogin() ? (this.#loginLostAtMs ?? performance.now()) : undefined;
    this.#startThreads();
  }

  #giveUp(thread: TokenThread): void {
    this.#threads.delete(thread);
    this.#hung.add(thread);
    this.#jobs.get(thread)?.reject(timedOut());
    this.#jobs.delete(thread);
    this.#starting.get(thread)?.(timedOut());
    this.#starting.delete(thread);
  }

  async #givenUp(thread: TokenThread): Promise<void> {
    while (this.#threads.has(thread)) {
      await new Promise<void>((resolve) => void setTimeout(resolve, WATCH_INTERVAL_MS));
    }
  }

  #forget(thread: TokenThread): void {
    this.#threads.delete(thread);
    this.#starting.delete(thread);
    this.#leaving.delete(thread);
    this.#loggedOut.delete(thread);
    this.#hung.delete(thread);
    const index = this.#idle.indexOf(thread);
    if (index >= 0) this.#idle.splice(index, 1);
    this.#startThreads();
  }

  #end(thread: TokenThread): void {
    thread.call({ kind: 'close' }).catch(() => undefined);
  }

  #isForLogin(error: unknown): boolean {
    return this.#guard.isBlocked() && isUnasked(error);
  }

  #learn(error: unknown): void {
    if (!isPinRefusal(error)) return;
    this.#refused = error;
    this.#refuseWaiting(error);
  }

  #refuseWaiting(error: unknown): void {
    for (const job of this.#waiting) job.reject(error);
    this.#waiting.clear();
  }

  #maxHung(): number {
    return Math.max(MIN_HUNG, this.#options.maxThreads);
  }
}

const closedError = () => new Pkcs11Error('CLOSED', 'the token is closed');
/** Whether the call was not made at the token, as where no login is possible. */
const isUnasked = (error: unknown): boolean =>
  error instanceof Pkcs11Error && error.code === 'TOKEN_UNAVAILABLE' && error.returnValue === undefined;
const isExhaustion = (error: unknown): error is Pkcs11Error =>
  error instanceof Pkcs11Error && error.code === 'SESSIONS_EXHAUSTED';

// KMS has given up on a call long before.
const HANG_MS = 1000;
// For loading the program and the module while other threads start too.
const START_MS = 10_000;
// For calls that hang to return after all, when the pool is closed.
const LAST_CHANCE_MS = 500;
// Between threads that cannot open the token, while other threads can.
const PAUSE_MS = 2000;
// Since a guard was blocked, twenty seconds after a login began. An HSM may take half a minute to fail over, and its logins
// return then: another process would offer the PIN again.
const LOGIN_LOST_MS = 40_000;
const WATCH_INTERVAL_MS = 100;
const WARM_THREADS = 4;
const MIN_HUNG = 4;
