import { EncryptionSdkError } from '../errors.ts';
import { MAX_TIMER_DELAY_MS } from './entry-store.ts';

/** Limits of {@link Flights}. */
export interface FlightLimits {
  /** Loads at the same time; more wait their turn. */
  readonly maxInFlight: number;
  /** Milliseconds after which a load counts as lost: those who wait for it fail, and another may start. */
  readonly inFlightTtlMs: number;
}

/**
 * Loads under way: everybody who wants the same id at the same time shares one.
 *
 * That a load has ended is told by the clock too: on Cloudflare's workers it ends with the request that began it, and so
 * does every timer, without a word to anybody.
 */
export class Flights<T> {
  readonly #byId = new Map<string, Flight<T>>();
  readonly #limits: FlightLimits;
  readonly #running = new Set<Span>();
  readonly #waiting = new Set<() => void>();

  constructor(limits: FlightLimits) {
    this.#limits = limits;
  }

  get isFull(): boolean {
    this.#forgetLost();
    return this.#running.size >= this.#limits.maxInFlight;
  }

  /**
   * Joins the load of this id, or starts it. The signal of a load aborts when it is lost: whatever it brings then
   * is older than what others may have loaded in the meantime.
   *
   * Rejects with the failure of the load, or `EncryptionSdkError` `KEYRING_FAILED` when it is lost.
   */
  join(id: string, load: (lost: AbortSignal) => Promise<T>): Promise<T> {
    this.#forgetLost();
    const known = this.#byId.get(id);
    if (known !== undefined && isUnderWay(known.span)) return known.result;
    const span = { endsAtMs: this.#endMs() };
    const flight = { span, result: this.#run(span, load) };
    this.#byId.set(id, flight);
    const land = (): void => {
      if (this.#byId.get(id) === flight) this.#byId.delete(id);
    };
    flight.result.then(land, land);
    return flight.result;
  }

  async #run(span: Span, load: (lost: AbortSignal) => Promise<T>): Promise<T> {
    while (this.isFull) await this.#turn(span);
    span.endsAtMs = this.#endMs();
    this.#running.add(span);
    const flight = new AbortController();
    const timer = setTimeout(() => flight.abort(lateLoad()), delayUntil(span));
    try {
      return await abortable(load(flight.signal), flight.signal);
    } finally {
      clearTimeout(timer);
      this.#running.delete(span);
      const [next] = this.#waiting;
      next?.();
    }
  }

  /** Waits until a load has ended. */
  async #turn(span: Span): Promise<void> {
    const [first = span] = this.#running;
    // Not lost while it waits: it comes back when the first has ended, and has its whole time from then on.
    span.endsAtMs = first.endsAtMs + this.#limits.inFlightTtlMs;
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
    for (const span of this.#running) {
      if (isUnderWay(span)) break;
      this.#running.delete(span);
    }
    for (const [id, { span }] of this.#byId) {
      if (isUnderWay(span)) break;
      this.#byId.delete(id);
    }
  }

  #endMs(): number {
    return performance.now() + this.#limits.inFlightTtlMs;
  }
}

interface Flight<T> {
  readonly span: Span;
  readonly result: Promise<T>;
}

/** How long a load counts as under way, on the monotonic clock. */
interface Span {
  endsAtMs: number;
}

function isUnderWay({ endsAtMs }: Span): boolean {
  return performance.now() < endsAtMs;
}

function delayUntil({ endsAtMs }: Span): number {
  return Math.min(endsAtMs - performance.now(), MAX_TIMER_DELAY_MS);
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
