import { EncryptionSdkError } from '../errors.ts';
import { MAX_TIMER_DELAY_MS } from './entry-store.ts';
import { Flight, type Load } from './flight.ts';

/** Limits of {@link Flights}. */
export interface FlightLimits {
  /** Ids that are loaded at the same time; more wait their turn. */
  readonly maxInFlight: number;
  /** Milliseconds after which a load counts as lost: those who wait for it fail, and another may start. */
  readonly inFlightTtlMs: number;
  /** Milliseconds after which an attempt is not waited for alone: whoever comes next makes another beside it. */
  readonly retryAfterMs: number;
}

/**
 * Loads under way: all who want the same id at the same time share one, as far as that goes round.
 *
 * That a load has ended is told by the clock too: on Cloudflare's workers it ends with the request that began it, and so
 * does every timer, without a word to anybody.
 */
export class Flights<T> {
  readonly #limits: FlightLimits;
  /** The one of each id that others may join. */
  readonly #latest = new Map<string, Flight<T>>();
  /** In the order in which they end. */
  readonly #running = new Set<Flight<T>>();
  /** The same by id, in the order of their latest attempts. */
  readonly #runningById = new Map<string, Set<Flight<T>>>();
  /** Of the ids that wait for theirs. */
  readonly #turns = new Map<string, Turn>();

  constructor(limits: FlightLimits) {
    this.#limits = limits;
  }

  get isFull(): boolean {
    this.#forgetLost();
    return this.#runningById.size >= this.#limits.maxInFlight;
  }

  /**
   * Joins a load of this id whose latest attempt is older than it should be, with an attempt of its own; otherwise the latest
   * load, unless those who wait for it already would leave less than `share` of it; otherwise starts another at once.
   * All take the answer that comes first: what another attempt brings later is lost, for something younger may have been
   * loaded by then.
   *
   * Resolves to `undefined` when {@link clear} came first. Rejects with the failure of the last attempt under way, or
   * `EncryptionSdkError` `KEYRING_FAILED` when the load is lost.
   *
   * @param share that the caller uses up of what is loaded, up to 1
   */
  join(id: string, load: Load<T>, share = 0): Promise<T | undefined> {
    this.#forgetLost();
    const overdue = this.#overdue(id);
    const known = overdue ?? this.#withRoom(id, share);
    const flight = known ?? new Flight<T>(id, this.#endMs());
    flight.promised += share;
    if (overdue !== undefined) this.#attempt(overdue, load);
    if (known === undefined) {
      // In the order in which they end, also where it takes the place of a full one.
      this.#latest.delete(id);
      this.#latest.set(id, flight);
      void this.#run(flight, load);
    }
    return flight.result;
  }

  /** The same attempt, for those who wait, by somebody who need not. */
  retry(id: string, load: Load<T>): void {
    const overdue = this.#overdue(id);
    if (overdue !== undefined) this.#attempt(overdue, load);
  }

  /** Loads that have begun are lost; nobody who waits for one fails. */
  clear(): void {
    for (const flight of this.#running) {
      this.#forget(flight);
      flight.clear();
    }
  }

  /** The load that has waited longest for another attempt, if one is due. It may be full, and not the latest. */
  #overdue(id: string): Flight<T> | undefined {
    const [flight] = this.#runningById.get(id) ?? [];
    if (flight === undefined) return undefined;
    const isDue = performance.now() >= flight.attemptedAtMs + this.#limits.retryAfterMs;
    return isDue && !this.isFull ? flight : undefined;
  }

  #withRoom(id: string, share: number): Flight<T> | undefined {
    const flight = this.#latest.get(id);
    return flight?.isUnderWay && flight.promised + share <= WHOLE ? flight : undefined;
  }

  async #run(flight: Flight<T>, load: Load<T>): Promise<void> {
    while (!this.#runningById.has(flight.id) && this.isFull) await this.#turn(flight);
    this.#turns.get(flight.id)?.come();
    flight.endsAtMs = this.#endMs();
    this.#running.add(flight);
    const timer = setTimeout(() => flight.fail(lateLoad()), delayUntil(flight));
    this.#attempt(flight, load);
    await flight.result.catch(() => undefined);
    clearTimeout(timer);
    this.#forget(flight);
    const [next] = this.#turns.values();
    if (!this.isFull) next?.come();
  }

  #attempt(flight: Flight<T>, load: Load<T>): void {
    const running = this.#runningById.get(flight.id) ?? new Set();
    this.#runningById.set(flight.id, running);
    running.delete(flight);
    running.add(flight);
    void flight.attempt(load, () => this.#latest.get(flight.id) === flight);
  }

  /** Waits until a load has ended. All of one id go on together, for they take one place. */
  #turn(flight: Flight<T>): Promise<void> {
    const [first = flight] = this.#running;
    // Not lost while it waits: it comes back when the first has ended, and has its whole time from then on.
    flight.endsAtMs = first.endsAtMs + this.#limits.inFlightTtlMs;
    const { id } = flight;
    const known = this.#turns.get(id);
    if (known !== undefined) return known.comes;
    let come = (): void => undefined;
    const comes = new Promise<void>((resolve) => {
      const timer = setTimeout(() => come(), delayUntil(first));
      come = () => {
        clearTimeout(timer);
        this.#turns.delete(id);
        resolve();
      };
    });
    this.#turns.set(id, { comes, come });
    return comes;
  }

  /** Nobody joins it any more. */
  #forget(flight: Flight<T>): void {
    const { id } = flight;
    if (this.#latest.get(id) === flight) this.#latest.delete(id);
    this.#running.delete(flight);
    const running = this.#runningById.get(id);
    running?.delete(flight);
    if (running?.size === 0) this.#runningById.delete(id);
  }

  /** They come first: what was begun later ends later. */
  #forgetLost(): void {
    for (const flight of this.#running) {
      if (flight.isUnderWay) break;
      this.#forget(flight);
      // Those who wait are told by their own timer.
      flight.abandon(lateLoad());
    }
    for (const flight of this.#latest.values()) {
      if (flight.isUnderWay) break;
      this.#forget(flight);
    }
  }

  #endMs(): number {
    return performance.now() + this.#limits.inFlightTtlMs;
  }
}

/** Of an id to be loaded. */
interface Turn {
  /** Resolves when it is worth a look whether there is a place. */
  readonly comes: Promise<void>;
  readonly come: () => void;
}

function delayUntil({ endsAtMs }: Pick<Flight<unknown>, 'endsAtMs'>): number {
  return Math.min(endsAtMs - performance.now(), MAX_TIMER_DELAY_MS);
}

function lateLoad(): EncryptionSdkError {
  return new EncryptionSdkError('KEYRING_FAILED', 'materials were not loaded in time');
}

/** Shares that add up to 1 may add up to a little more in binary. */
const WHOLE = 1 + 1e-9;
