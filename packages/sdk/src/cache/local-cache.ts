import { EntryStore, hasEnded, type StoredEntry, wipe } from './entry-store.ts';
import { Flights, type Load } from './flights.ts';
import type { CacheRequest, MaterialsCache } from './materials-cache.ts';

/** Options of {@link localCache}. */
export interface LocalCacheOptions {
  /** Most entries at the same time, 0 or more; 0 keeps nothing but still lets simultaneous callers share. */
  readonly capacity: number;
  /**
   * Milliseconds after which a load counts as lost: the callers that wait for it fail, and materials that still arrive
   * are wiped. Default 30,000.
   */
  readonly inFlightTtlMs?: number;
}

/**
 * A cache in this process: the least recently used entries are dropped first, and any number of simultaneous requests
 * for the same materials share one call for them.
 *
 * @throws RangeError unless `capacity` is an integer of 0 or more, and `inFlightTtlMs` positive
 * @example
 * const cmm = cachingCmm({ keyring, cache: localCache({ capacity: 100 }), ttlMs: 60_000 });
 */
export function localCache(options: LocalCacheOptions): MaterialsCache {
  const { capacity, inFlightTtlMs = 30_000 } = options ?? {};
  if (typeof inFlightTtlMs !== 'number' || !(inFlightTtlMs > 0)) {
    throw new RangeError('inFlightTtlMs: expected a positive number');
  }
  return cacheOver(
    new EntryStore(capacity),
    new Flights({ maxInFlight: Infinity, inFlightTtlMs, retryAfterMs: Infinity }),
  );
}

/**
 * A cache over a store and its loads. `onHit` is called with each entry that a request found, and with the load that
 * would replace it.
 */
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
      // Another attempt may have stored newer materials since, or the cache may have been cleared.
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
      const { id, ttlMs, use, signal } = request;
      if (typeof ttlMs !== 'number' || !(ttlMs > 0))
        throw new RangeError('ttlMs: expected a positive number');
      signal?.throwIfAborted();
      const entry = store.get(id);
      const found = entry && use(entry);
      if (entry !== undefined && found !== undefined) {
        counters.hits += 1;
        onHit(entry, id, reloading(request));
        return found;
      }
      counters.misses += 1;
      // The loading caller takes its materials inside the load, because a short TTL may be over before a waiter
      // resumes. A waiter that finds the entry ended, used up or cleared tries again.
      for (;;) {
        let taken: ReturnType<typeof use>;
        let mistake: { readonly error: unknown } | undefined;
        const load = reloading(request, (loaded) => {
          if (signal?.aborted) return;
          try {
            taken = use(loaded);
          } catch (error) {
            // The error is this caller's alone: the others still get their materials.
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

/** Settles as the promise does, or rejects with the signal's reason as soon as it aborts. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
