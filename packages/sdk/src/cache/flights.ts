import { EncryptionSdkError } from '../errors.ts';
import { MAX_TIMER_DELAY_MS } from './entry-store.ts';

/** Limits of {@link Flights}. */
export interface FlightLimits {
  /** Ids that are loaded at the same time; more wait their turn. */
  readonly maxInFlight: number;
  /** Milliseconds after which a load counts as lost: those who wait for it fail, and another may start. */
  readonly inFlightTtlMs: number;
  /** Milliseconds after which an attempt is not waited for alone: whoever comes next makes another beside it. */
  readonly retryAfterMs: number;
}

/** One attempt. The signal aborts when nobody wants any more what it brings. */
export type Load<T> = (lost: AbortSignal) => Promise<T>;

/**
 * Loads under way: everybody who wants the same id at the same time shares one.
 *
 * That a load has ended is told by the clock too: on Cloudflare's workers it ends with the request that began it, and so
 * does every timer, without a word to anybody.
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
   * Joins the load of this id, or starts it; joins it with an attempt of its own if the latest is older than it should be.
   * All take the answer that comes first: what another attempt brings later is lost, for something younger may have been
   * loaded by then.
   *
   * Resolves to `undefined` when {@link clear} came first. Rejects with the failure of the last attempt under way, or
   * `EncryptionSdkError` `KEYRING_FAILED` when the load is lost.
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
    // Its caller may be gone.
    result.catch(() => undefined);
    return result;
  }

  /** Loads that have begun are lost; nobody who waits for one fails. */
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
    // Not lost while it waits: it comes back when the first has ended, and has its whole time from then on.
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

  /** They come first: what was begun later ends later. */
  #forgetLost(): void {
    for (const flight of this.#running) {
      if (isUnderWay(flight)) break;
      this.#running.delete(flight);
      // What it brings is not wanted any more. Those who wait are told by their own timer: on a worker they may be gone.
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

/** A load, and what all who want it wait for. */
interface Shared<T> {
  readonly flight: Flight<T>;
  readonly result: Promise<T | undefined>;
}

interface Flight<T> {
  readonly id: string;
  readonly lost: AbortController;
  /** Until when it counts as under way, on the monotonic clock. */
  endsAtMs: number;
  /** Makes another attempt if that is due, which it is not before its turn. */
  retry: (load: Load<T>) => void;
  /** Tells those who wait for it. */
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
