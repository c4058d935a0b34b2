import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import type { QuotaConfig, RedisConfig } from '../config/quota.ts';
import { XksException } from '../xks-exception.ts';
import type { RedisClient } from './redis.ts';

/** Limits the requests of a store in a second. */
export interface Quota {
  /** Counts a request. Rejects with `ThrottlingException` if the limit is reached already. */
  consume(): Promise<void>;
}

/** The quota of a store without one. */
const NO_QUOTA: Quota = { consume: async () => undefined };

/** The server on which counts are shared, and what happens without it. */
export interface SharedCounts {
  readonly client: RedisClient;
  readonly config: RedisConfig;
}

/**
 * The quota of a store, in windows of one second. Shared quotas are counted on the Redis server: if that does not answer
 * in time, this instance counts alone, or refuses, as configured.
 */
export function storeQuota(
  store: string,
  config: QuotaConfig | undefined,
  shared: SharedCounts | undefined,
): Quota {
  if (config === undefined) return NO_QUOTA;
  const options = { points: config.requestsPerSecond, duration: 1, keyPrefix: KEY_PREFIX };
  const alone = new RateLimiterMemory(options);
  const limiter =
    shared === undefined || !config.isShared
      ? alone
      : new RateLimiterRedis({
          ...options,
          storeClient: shared.client,
          rejectIfRedisNotReady: true,
          // For a store over its quota the server is not asked again until the second is over.
          inMemoryBlockOnConsumed: config.requestsPerSecond + 1,
          ...(shared.config.whenOut === 'count-alone' && { insuranceLimiter: alone }),
        });
  return {
    async consume() {
      try {
        await limiter.consume(store);
      } catch (error) {
        if (error instanceof RateLimiterRes) throw throttled('quota');
        throw throttled('quota-uncounted', error);
      }
    },
  };
}

const throttled = (reason: string, cause?: unknown) =>
  new XksException('ThrottlingException', 'The external key store has reached its quota of requests.', {
    reason,
    cause,
  });

const KEY_PREFIX = 'holdfast-xks';
