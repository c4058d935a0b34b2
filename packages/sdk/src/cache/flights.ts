import { EncryptionSdkError } from '../errors.ts';
import { MAX_TIMER_DELAY_MS } from './entry-store.ts';

/** Limits of {@link Flights}. */
export interface FlightLimits {
  /** Most ids that are loaded at the same time; further ones wait for their turn. */
  readonly maxInFlight: number;
  /** Milliseconds after which a load counts as lost: the callers that wait for it fail, and another load may start. */
  readonly inFlightTtlMs: number;
  /** Milliseconds after which the next caller starts another attempt beside the one under way. */
  readonly retryAfterMs: number;
}

/** One attempt to load. The signal aborts when the result is not wanted any more. */
export type Load<T> = (lost: AbortSignal) => Promise<T>;

/**
 * Loads under way: all callers that want the same id at the same time share one load.
 *
 * The clock, too, decides that a load has ended: on Cloudflare Workers a load, and every timer, ends silently with the
 * request that started it.
 */
export class Flights<T> {
  readonly #byId = new Map<string, Shared<T>>();
  readonly #limits: FlightLimits;
  readonly #running = new Set<Flight<T>>();
  readonly #waiting = new Set<() => void>();

  constructor(limits: FlightLimits) {
    this.#limits = limits;
  }

  get isFull(): boolean {
    this.#forgetLost();
    return this.#running.size >= this.#limits.maxInFlight;
  }

  /**
   * Joins the load of this id, or starts one. Starts another attempt beside it if the latest attempt is older than
   * `retryAfterMs`. All callers get the result that arrives first; results of other attempts are discarded, because
   * newer materials may have been loaded by then.
   *
   * Resolves to `undefined` if {@link clear} was called meanwhile. Rejects with the failure of the last attempt under
   * way, or with `EncryptionSdkError` `KEYRING_FAILED` if the load is lost.
   */
  join(id: string, load: Load<T>): Promise<T | undefined> {
    this.#forgetLost();
    const known = this.#byId.get(id);
    if (known !== undefined && isUnderWay(known.flight)) {
      known.flight.retry(load);
      return known.result;
    }
    const lost = new AbortController();
    const flight: Flight<T> = {
      id,
      lost,
      endsAtMs: this.#endMs(),
      retry: () => undefined,
      fail: () => undefined,
    };
    const result = this.#run(flight, load);
    this.#byId.set(id, { flight, result });
    // The caller may have stopped waiting: a rejection must not count as unhandled.
    result.catch(() => undefined);
    return result;
  }

  /** Gives up all loads under way, which is not a failure for the callers that wait: they get `undefined`. */
  clear(): void {
    for (const flight of this.#running) {
      this.#running.delete(flight);
      this.#byId.delete(flight.id);
      flight.lost.abort(CLEARED);
    }
  }

  async #run(flight: Flight<T>, load: Load<T>): Promise<T | undefined> {
    while (this.isFull) await this.#turn(flight);
    flight.endsAtMs = this.#endMs();
    this.#running.add(flight);
    const timer = setTimeout(() => {
      flight.lost.abort(lateLoad());
      flight.fail(flight.lost.signal.reason);
    }, delayUntil(flight));
    try {
      return await this.#firstAnswer(flight, load);
    } finally {
      clearTimeout(timer);
      flight.lost.abort();
      this.#running.delete(flight);
      if (this.#byId.get(flight.id)?.flight === flight) this.#byId.delete(flight.id);
      const [next] = this.#waiting;
      next?.();
    }
  }

  #firstAnswer(flight: Flight<T>, load: Load<T>): Promise<T | undefined> {
    const { signal } = flight.lost;
    return new Promise((resolve, reject) => {
      let underWay = 0;
      let latestAtMs = 0;
      const attempt = (load: Load<T>): void => {
        underWay += 1;
        latestAtMs = performance.now();
        load(signal).then(resolve, (error: unknown) => {
          underWay -= 1;
          if (underWay === 0) reject(error);
        });
      };
      flight.retry = (load) => {
        if (performance.now() >= latestAtMs + this.#limits.retryAfterMs && !this.isFull) attempt(load);
      };
      signal.addEventListener('abort', () => {
        if (signal.reason === CLEARED) resolve(undefined);
      });
      flight.fail = reject;
      attempt(load);
    });
  }

  /** Waits until a load has ended. */
  async #turn(flight: Flight<T>): Promise<void> {
    const [first = flight] = this.#running;
    // A load that waits does not count as lost: it goes on when the first one has ended, and has its whole time from
    // then on.
    flight.endsAtMs = first.endsAtMs + this.#limits.inFlightTtlMs;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        resolve();
      };
      this.#waiting.add(wake);
      timer = setTimeout(wake, delayUntil(first));
    });
    clearTimeout(timer);
  }

  /** Discards the loads that are lost. They come first, because a load that started later ends later. */
  #forgetLost(): void {
    for (const flight of this.#running) {
      if (isUnderWay(flight)) break;
      this.#running.delete(flight);
      // Its result is not wanted any more. The callers that wait are told by their own timer: on Cloudflare Workers
      // they may be gone.
      flight.lost.abort(lateLoad());
    }
    for (const [id, { flight }] of this.#byId) {
      if (isUnderWay(flight)) break;
      this.#byId.delete(id);
    }
  }

  #endMs(): number {
    return performance.now() + this.#limits.inFlightTtlMs;
  }
}

/** A load, and the promise that all its callers wait for. */
interface Shared<T> {
  readonly flight: Flight<T>;
  readonly result: Promise<T | undefined>;
}

interface Flight<T> {
  readonly id: string;
  readonly lost: AbortController;
  /** When it ceases to count as under way, on the monotonic clock. */
  endsAtMs: number;
  /** Starts another attempt if one is due; none is due while the load waits for its turn. */
  retry: (load: Load<T>) => void;
  /** Fails the callers that wait for it. */
  fail: (error: unknown) => void;
}

function isUnderWay({ endsAtMs }: Pick<Flight<unknown>, 'endsAtMs'>): boolean {
  return performance.now() < endsAtMs;
}

function delayUntil({ endsAtMs }: Pick<Flight<unknown>, 'endsAtMs'>): number {
  return Math.min(endsAtMs - performance.now(), MAX_TIMER_DELAY_MS);
}

function lateLoad(): EncryptionSdkError {
  return new EncryptionSdkError('KEYRING_FAILED', 'materials were not loaded in time');
}

const CLEARED = Symbol('cleared');
