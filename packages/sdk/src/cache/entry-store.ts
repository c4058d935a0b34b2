import type { CachedMaterials, CacheEntry } from './materials-cache.ts';

/** An entry with its end. Times are milliseconds of the monotonic clock. */
export interface StoredEntry extends CacheEntry {
  expiresAtMs: number;
  /** When somebody last set out to replace it before its end. */
  refreshedAtMs: number;
}

/**
 * Entries by id: as many as there is room for, the least recently used dropped first, none after its end.
 * Keys are wiped when their entry goes, by a timer if nobody comes by: whoever got an entry looks whether it has ended.
 */
export class EntryStore {
  // In the order of last use.
  readonly #entries = new Map<string, StoredEntry>();
  readonly #capacity: number;
  #sweepAtMs = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #evictions = 0;

  /** @throws RangeError for a capacity that is no integer or negative */
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

  /** Whoever waits for a load that has put its entry finds it ended. */
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
    // Not at once: a load that has just put the entry may have others waiting for it, who have yet to copy.
    else setTimeout(() => wipe(entry.cached), 0);
  }

  /**
   * Drops what has ended, and sets one timer for the entry that ends first; it never keeps a process alive. On Cloudflare's
   * workers it ends with the request that set it: one whose time has passed is not relied on.
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

/** True for materials that nobody may use any more. */
export function hasEnded({ expiresAtMs }: StoredEntry, nowMs = performance.now()): boolean {
  return expiresAtMs <= nowMs;
}

/** Overwrites the key in materials that nobody will ask for again. */
export function wipe({ kind, materials }: CachedMaterials): void {
  const key = kind === 'branch-key' ? materials.branchKey : materials.dataKey;
  key?.fill(0);
}

const MIN_SWEEP_DELAY_MS = 1_000;
/** Longer delays overflow the timers of all runtimes. */
export const MAX_TIMER_DELAY_MS = 2 ** 31 - 1;
