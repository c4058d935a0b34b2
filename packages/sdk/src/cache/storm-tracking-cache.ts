import { EntryStore, type StoredEntry } from './entry-store.ts';
import { Flights } from './flights.ts';
import { cacheOver, type LocalCacheOptions } from './local-cache.ts';
import type { MaterialsCache } from './materials-cache.ts';

/** Options of {@link stormTrackingCache}. */
export interface StormTrackingCacheOptions extends LocalCacheOptions {
  /** As in {@link LocalCacheOptions}. Default 10,000. */
  readonly inFlightTtlMs?: number;
  /**
   * Milliseconds before the end of an entry from which on it is replaced while still in use, at most half of its
   * life. Default 10,000.
   */
  readonly gracePeriodMs?: number;
  /**
   * Milliseconds between attempts to load one entry, which should be more than one takes: whoever wants an entry whose
   * load has gone on for longer makes another attempt, and all take the answer that comes first. Default 1,000.
   */
  readonly graceIntervalMs?: number;
  /** Ids that are loaded at the same time; while there are as many, none gets another attempt. Default 20. */
  readonly fanOut?: number;
}

/**
 * A cache that spares its key service the storm when a popular entry ends: within the grace period one caller's
 * request sets off a load in the background, and everybody goes on with the old materials until it is there. Not for
 * Cloudflare's workers, where what a request began ends with it.
 *
 * @throws RangeError for a value that is no positive number, or unless
 *   `graceIntervalMs <= inFlightTtlMs <= gracePeriodMs`
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/storm-tracking-cryptographic-materials-cache.md
 * @example
 * const cache = stormTrackingCache({ capacity: 100 });
 */
export function stormTrackingCache(options: StormTrackingCacheOptions): MaterialsCache {
  const { capacity, gracePeriodMs = 10_000, graceIntervalMs = 1_000, fanOut = 20 } = options;
  const { inFlightTtlMs = 10_000 } = options;
  for (const [name, value] of Object.entries({ gracePeriodMs, graceIntervalMs, fanOut, inFlightTtlMs })) {
    if (typeof value !== 'number' || !(value > 0))
      throw new RangeError(`${name}: expected a positive number`);
  }
  if (graceIntervalMs > inFlightTtlMs || inFlightTtlMs > gracePeriodMs) {
    throw new RangeError('expected graceIntervalMs <= inFlightTtlMs <= gracePeriodMs');
  }
  const flights = new Flights<StoredEntry>({
    maxInFlight: fanOut,
    inFlightTtlMs,
    retryAfterMs: graceIntervalMs,
  });
  return cacheOver(new EntryStore(capacity), flights, (entry, id, reload) => {
    const nowMs = performance.now();
    const graceMs = Math.min(gracePeriodMs, (entry.expiresAtMs - entry.createdAtMs) / 2);
    if (nowMs < entry.expiresAtMs - graceMs) return;
    if (nowMs < entry.refreshedAtMs + graceIntervalMs || flights.isFull) return;
    entry.refreshedAtMs = nowMs;
    // A failure shows when the old entry has ended and somebody has to wait for a load.
    flights.join(id, reload).catch(() => undefined);
    // Once more, now that the attempt has its time: the first hit after the interval is to find another due by both.
    entry.refreshedAtMs = performance.now();
  });
}
