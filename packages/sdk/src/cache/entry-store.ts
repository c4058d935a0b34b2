import type { CachedMaterials, CacheEntry } from './materials-cache.ts';

/** An entry and its expiry. Times are milliseconds of the monotonic clock. */
export interface StoredEntry extends CacheEntry {
  expiresAtMs: number;
  /** When a load to replace it before its expiry was last started. */
  refreshedAtMs: number;
}

/**
 * Entries by id, up to a capacity: the least recently used is dropped first, and every entry when it has expired. The
 * keys of an entry are wiped when it is dropped, by a timer if no request comes, so a caller that holds an entry has to
 * check {@link hasEnded}.
 */
export class EntryStore {
  // Ordered by last use.
  readonly #entries = new Map<string, StoredEntry>();
  readonly #capacity: number;
  #sweepAtMs = Infinity;
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
    this.#drop(id);
    this.#entries.set(id, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#capacity) break;
      this.#drop(oldest);
      this.#evictions += 1;
    }
    this.#sweep();
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
   * Drops the entries that have ended, and sets one timer for the entry that ends first; it never keeps a process
   * alive. On Cloudflare Workers a timer ends with the request that set it, so a timer that is overdue is not relied
   * on.
   */
  #sweep(): void {
    const nowMs = performance.now();
    let firstEndMs = Infinity;
    for (const [id, entry] of this.#entries) {
      if (hasEnded(entry, nowMs)) this.#drop(id);
      else firstEndMs = Math.min(firstEndMs, entry.expiresAtMs);
    }
    if (firstEndMs >= this.#sweepAtMs && nowMs < this.#sweepAtMs) return;
    clearTimeout(this.#timer);
    this.#sweepAtMs = firstEndMs;
    if (firstEndMs === Infinity) return;
    const delayMs = Math.min(Math.max(firstEndMs - nowMs, MIN_SWEEP_DELAY_MS), MAX_TIMER_DELAY_MS);
    this.#timer = setTimeout(() => {
      this.#sweepAtMs = Infinity;
      this.#sweep();
    }, delayMs);
    if (typeof this.#timer === 'object') this.#timer.unref();
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

const MIN_SWEEP_DELAY_MS = 1_000;
/** Longest delay of a timer: longer ones overflow in all runtimes. */
export const MAX_TIMER_DELAY_MS = 2 ** 31 - 1;
