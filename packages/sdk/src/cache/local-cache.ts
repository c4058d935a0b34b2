import { EntryStore, hasEnded, type StoredEntry, wipe } from './entry-store.ts';
import { Flights, type Load } from './flights.ts';
import type { CacheRequest, MaterialsCache } from './materials-cache.ts';

/** Options of {@link localCache}. */
export interface LocalCacheOptions {
  /** Most entries at the same time, 0 or more; 0 keeps nothing but still lets simultaneous callers share. */
  readonly capacity: number;
  /**
   * Milliseconds after which a load counts as lost: those who wait for it fail, and what it brings after all is
   * wiped. Default 30,000.
   */
  readonly inFlightTtlMs?: number;
}

/**
 * A cache in this process: least recently used entries go first, and any number of simultaneous requests for
 * the same materials make one call for them.
 *
 * @throws RangeError for a capacity that is no integer or negative, or a time that is not positive
 * @example
 * const cmm = cachingCmm({ keyring, cache: localCache({ capacity: 100 }), ttlMs: 60_000 });
 */
export function localCache({ capacity, inFlightTtlMs = 30_000 }: LocalCacheOptions): MaterialsCache {
  if (typeof inFlightTtlMs !== 'number' || !(inFlightTtlMs > 0)) {
    throw new RangeError('inFlightTtlMs: expected a positive number');
  }
  return cacheOver(
    new EntryStore(capacity),
    new Flights({ maxInFlight: Infinity, inFlightTtlMs, retryAfterMs: Infinity }),
  );
}

/** A cache of these parts; `onHit` sees each entry that a request found, with what would replace it. */
export function cacheOver(
  store: EntryStore,
  flights: Flights<StoredEntry>,
  onHit: (entry: StoredEntry, id: string, reload: Load<StoredEntry>) => void = () => undefined,
): MaterialsCache {
  const counters = { hits: 0, misses: 0, loads: 0 };
  const reloading =
    <T>({ id, ttlMs, load }: CacheRequest<T>, take?: (entry: StoredEntry) => void): Load<StoredEntry> =>
    async (lost) => {
      counters.loads += 1;
      const cached = await load();
      // Somebody else may have loaded younger materials since, or none of the old ones are to be used any more.
      if (lost.aborted) wipe(cached);
      lost.throwIfAborted();
      const createdAtMs = performance.now();
      const expiresAtMs = createdAtMs + ttlMs;
      const entry = { cached, messages: 0, bytes: 0, createdAtMs, expiresAtMs, refreshedAtMs: createdAtMs };
      take?.(entry);
      store.put(id, entry);
      return entry;
    };
  return {
    async fetch(request) {
      const { id, use, signal } = request;
      signal?.throwIfAborted();
      const entry = store.get(id);
      const found = entry && use(entry);
      if (entry !== undefined && found !== undefined) {
        counters.hits += 1;
        onHit(entry, id, reloading(request));
        return found;
      }
      counters.misses += 1;
      // Whoever loads takes at once: a short life may be over before anybody who waits comes by. Of those, some may find
      // the load ended, used up by the others, or cleared away: they go round again.
      for (;;) {
        let taken: ReturnType<typeof use>;
        let mistake: { readonly error: unknown } | undefined;
        const load = reloading(request, (loaded) => {
          if (signal?.aborted) return;
          try {
            taken = use(loaded);
          } catch (error) {
            // This caller's alone: the others have their materials all the same.
            mistake = { error };
          }
        });
        const loaded = await abortable(flights.join(id, load), signal);
        if (mistake !== undefined) throw mistake.error;
        if (loaded !== undefined && !hasEnded(loaded)) taken ??= use(loaded);
        if (taken !== undefined) return taken;
      }
    },
    clear() {
      flights.clear();
      store.clear();
    },
    counters: () => ({ ...counters, evictions: store.evictions }),
  };
}

/** The promise, or the signal's reason as soon as it aborts. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
