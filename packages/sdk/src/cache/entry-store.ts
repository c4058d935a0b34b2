import type { CachedMaterials, CacheEntry } from './materials-cache.ts';

/** An entry and its expiry. Times are milliseconds of the monotonic clock. */
export interface StoredEntry extends CacheEntry {
  createdAtMs: number;
  expiresAtMs: number;
  /** When a load to replace it before its expiry was last started. */
  refreshedAtMs: number;
}

/**
 * Entries by id, up to a capacity: the least recently used is dropped first, and every entry when it has expired. The
 * keys of an entry are wiped when it is dropped, by a timer if no request comes, so a caller that holds an entry has to
 * check {@link hasEnded}.
 *
 * Entries age by the system's clock too: the monotonic clock stands still while a machine sleeps.
 */
export class EntryStore {
  // Ordered by last use.
  readonly #entries = new Map<string, StoredEntry>();
  readonly #capacity: number;
  /** No entry ends before. */
  #firstEndMs = Infinity;
  #sweptAtMs = -Infinity;
  /** By how much the system's clock is ahead of the monotonic one. */
  #leadMs = leadMs();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #evictions = 0;

  /** @throws RangeError unless `capacity` is an integer of 0 or more */
  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 0) {
      throw new RangeError('capacity: expected an integer, 0 or more');
    }
    this.#capacity = capacity;
  }

  /** Entries dropped for lack of room. */
  get evictions(): number {
    return this.#evictions;
  }

  get(id: string): StoredEntry | undefined {
    this.#age();
    const entry = this.#entries.get(id);
    if (entry === undefined) return undefined;
    if (hasEnded(entry)) {
      this.#drop(id);
      return undefined;
    }
    this.#entries.delete(id);
    this.#entries.set(id, entry);
    return entry;
  }

  put(id: string, entry: StoredEntry): void {
    this.#age();
    this.#drop(id);
    this.#entries.set(id, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#capacity) break;
      this.#drop(oldest);
      this.#evictions += 1;
    }
    // Not at every call: a sweep takes as long as there are entries.
    if (performance.now() >= this.#nextSweepMs()) this.#sweep();
    else this.#sweepBy(entry.expiresAtMs);
  }

  /** Drops all entries, and marks them as ended for callers that still wait for a load that has put its entry. */
  clear(): void {
    for (const [id, entry] of this.#entries) {
      entry.expiresAtMs = -Infinity;
      this.#drop(id);
    }
  }

  #drop(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    if (hasEnded(entry)) wipe(entry.cached);
    // Not at once: callers that wait for the load of this entry may have yet to copy the key.
    else setTimeout(() => wipe(entry.cached), 0);
  }

  /**
   * Adds to the age of all entries the time for which the machine has slept. A clock that is set forward has the same
   * effect, also where it was set back before.
   */
  #age(): void {
    const sleptMs = leadMs() - this.#leadMs;
    // Not the drift of the clocks, which adds up to a sleep sooner or later.
    if (!(sleptMs < 0 || sleptMs >= LEAST_SLEEP_MS)) return;
    this.#leadMs += sleptMs;
    if (sleptMs < 0) return;
    for (const entry of this.#entries.values()) {
      entry.createdAtMs -= sleptMs;
      entry.expiresAtMs -= sleptMs;
    }
    this.#sweep();
  }

  /** Drops the entries that have ended. */
  #sweep(): void {
    const nowMs = performance.now();
    let firstEndMs = Infinity;
    for (const [id, entry] of this.#entries) {
      if (hasEnded(entry, nowMs)) this.#drop(id);
      else firstEndMs = Math.min(firstEndMs, entry.expiresAtMs);
    }
    this.#sweptAtMs = nowMs;
    this.#firstEndMs = Infinity;
    this.#sweepBy(firstEndMs);
  }

  /**
   * Sees to a sweep when an entry ends, but at most one in a second, by one timer that never keeps a process alive. On
   * Cloudflare Workers a timer ends with the request that set it, so {@link put} does not rely on it.
   */
  #sweepBy(endMs: number): void {
    if (endMs >= this.#firstEndMs) return;
    this.#firstEndMs = endMs;
    clearTimeout(this.#timer);
    const sweep = (): void => {
      this.#age();
      this.#sweep();
    };
    this.#timer = setTimeout(sweep, Math.min(this.#nextSweepMs() - performance.now(), MAX_TIMER_DELAY_MS));
    if (typeof this.#timer === 'object') this.#timer.unref();
  }

  #nextSweepMs(): number {
    return Math.max(this.#firstEndMs, this.#sweptAtMs + MIN_SWEEP_INTERVAL_MS);
  }
}

/** True for an entry whose materials must not be used any more. */
export function hasEnded({ expiresAtMs }: StoredEntry, nowMs = performance.now()): boolean {
  return expiresAtMs <= nowMs;
}

/** Zeroes the key of materials that will not be used any more. */
export function wipe({ kind, materials }: CachedMaterials): void {
  const key = kind === 'branch-key' ? materials.branchKey : materials.dataKey;
  key?.fill(0);
}

/** By how much the system's clock is ahead of the monotonic one. */
function leadMs(): number {
  return Date.now() - performance.now();
}

const MIN_SWEEP_INTERVAL_MS = 1_000;
const LEAST_SLEEP_MS = 1_000;
/** Longest delay of a timer: longer ones overflow in all runtimes. */
export const MAX_TIMER_DELAY_MS = 2 ** 31 - 1;
