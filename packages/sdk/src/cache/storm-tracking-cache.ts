import { EntryStore, type StoredEntry } from './entry-store.ts';
import { Flights } from './flights.ts';
import { cacheOver, type LocalCacheOptions } from './local-cache.ts';
import type { MaterialsCache } from './materials-cache.ts';

/** Options of {@link stormTrackingCache}. */
export interface StormTrackingCacheOptions extends LocalCacheOptions {
  /** Like {@link LocalCacheOptions.inFlightTtlMs}. Default 10,000. */
  readonly inFlightTtlMs?: number;
  /**
   * Milliseconds before the end of an entry in which it is replaced while still in use, at most half of its life.
   * Default 10,000.
   */
  readonly gracePeriodMs?: number;
  /**
   * Milliseconds between attempts to load one entry, which should be longer than one attempt takes. A caller that wants
   * an entry whose load has taken longer starts another attempt, and all callers get the result that arrives first.
   * Default 1,000.
   */
  readonly graceIntervalMs?: number;
  /**
   * Most ids that are loaded at the same time; at this limit no further attempt is started for any of them. Default 20.
   */
  readonly fanOut?: number;
}

/**
 * A cache that spares the key service a storm of requests when a popular entry ends: within the grace period one
 * request starts a load in the background, and all callers use the old materials until it has finished. Not for
 * Cloudflare Workers, where work that a request started ends with that request.
 *
 * @throws RangeError unless `capacity` is an integer of 0 or more, the other values are positive, and `graceIntervalMs
 *   <= inFlightTtlMs <= gracePeriodMs`
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/storm-tracking-cryptographic-materials-cache.md
 * @example
 * const cache = stormTrackingCache({ capacity: 100 });
 */
export function stormTrackingCache(options: StormTrackingCacheOptions): MaterialsCache {
  const { capacity, gracePeriodMs = 10_000, graceIntervalMs = 1_000, fanOut = 20 } = options ?? {};
  const { inFlightTtlMs = 10_000 } = options ?? {};
  for (const [name, value] of Object.entries({ gracePeriodMs, graceIntervalMs, fanOut, inFlightTtlMs })) {
    if (typeof value !== 'number' || !(value > 0))
      throw new RangeError(`${name}: expected a positive number`);
  }
  if (graceIntervalMs > inFlightTtlMs || inFlightTtlMs > gracePeriodMs) {
    throw new RangeError(
      `expected graceIntervalMs (${graceIntervalMs}) <= inFlightTtlMs (${inFlightTtlMs}) <= gracePeriodMs (${gracePeriodMs})`,
    );
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
    // A failure shows when the old entry has ended and a caller has to wait for a load.
    flights.join(id, reload).catch(() => undefined);
    // Set again, after the attempt has noted its own start: the first hit after the interval must find another attempt
    // due by both times.
    entry.refreshedAtMs = performance.now();
  });
}
