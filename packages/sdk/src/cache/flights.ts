import { EncryptionSdkError } from '../errors.ts';
import { MAX_TIMER_DELAY_MS } from './entry-store.ts';

/** Limits of {@link Flights}. */
export interface FlightLimits {
  /** Loads at the same time; more wait their turn. */
  readonly maxInFlight: number;
  /** Milliseconds after which a load counts as lost: those who wait for it fail, and another may start. */
  readonly inFlightTtlMs: number;
}

/** Loads under way: everybody who wants the same id at the same time shares one. */
export class Flights<T> {
  readonly #byId = new Map<string, Promise<T>>();
  readonly #limits: FlightLimits;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(limits: FlightLimits) {
    this.#limits = limits;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  get isFull(): boolean {
    return this.#running >= this.#limits.maxInFlight;
  }

  /**
   * Joins the load of this id, or starts it. The signal of a load aborts when it is lost: whatever it brings then
   * is older than what others may have loaded in the meantime.
   *
   * Rejects with the failure of the load, or `EncryptionSdkError` `KEYRING_FAILED` when it is lost.
   */
  join(id: string, load: (lost: AbortSignal) => Promise<T>): Promise<T> {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const flight = this.#run(load);
    this.#byId.set(id, flight);
    const land = (): void => void this.#byId.delete(id);
    flight.then(land, land);
    return flight;
  }

  async #run(load: (lost: AbortSignal) => Promise<T>): Promise<T> {
    while (this.isFull) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    const flight = new AbortController();
    const lose = (): void => flight.abort(lateLoad());
    const timer = setTimeout(lose, Math.min(this.#limits.inFlightTtlMs, MAX_TIMER_DELAY_MS));
    try {
      return await abortable(load(flight.signal), flight.signal);
    } finally {
      clearTimeout(timer);
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }
}

/** The promise, or the signal's reason as soon as it aborts. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

function lateLoad(): EncryptionSdkError {
  return new EncryptionSdkError('KEYRING_FAILED', 'materials were not loaded in time');
}
