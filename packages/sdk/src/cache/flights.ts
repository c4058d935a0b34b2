/** Limits of {@link Flights}. */
export interface FlightLimits {
  /** Loads at the same time; more wait their turn. */
  readonly maxInFlight: number;
  /** Milliseconds after which a load counts as lost, so that another may start beside it. */
  readonly inFlightTtlMs: number;
}

/** Loads under way: everybody who wants the same id at the same time shares one. */
export class Flights<T> {
  readonly #byId = new Map<string, { readonly promise: Promise<T>; readonly startedAtMs: number }>();
  readonly #limits: FlightLimits;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(limits: FlightLimits = { maxInFlight: Infinity, inFlightTtlMs: Infinity }) {
    this.#limits = limits;
  }

  has(id: string): boolean {
    const flight = this.#byId.get(id);
    return flight !== undefined && performance.now() - flight.startedAtMs < this.#limits.inFlightTtlMs;
  }

  get isFull(): boolean {
    return this.#running >= this.#limits.maxInFlight;
  }

  /** Joins the load of this id, or starts it. */
  join(id: string, load: () => Promise<T>): Promise<T> {
    const known = this.#byId.get(id);
    if (known !== undefined && this.has(id)) return known.promise;
    const flight = { promise: this.#run(load), startedAtMs: performance.now() };
    this.#byId.set(id, flight);
    const land = (): void => {
      if (this.#byId.get(id) === flight) this.#byId.delete(id);
    };
    flight.promise.then(land, land);
    return flight.promise;
  }

  async #run(load: () => Promise<T>): Promise<T> {
    while (this.isFull) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      return await load();
    } finally {
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
