import type { IvBudget } from './budget/iv-budget.ts';
import type { ProxyConfig } from './config/config.ts';
import { type Deadline, sharedDeadlines } from './deadline.ts';
import { type Fleet, type FleetParts, openFleet } from './devices/fleet.ts';
import { type SharedCounts, storeQuota } from './quota/quota.ts';
import { connectRedis } from './quota/redis.ts';
import { openStore, type Store } from './stores.ts';

/** All that requests are answered with, made from one configuration. It never changes: another one takes its place. */
export interface Serving {
  readonly config: ProxyConfig;
  readonly stores: readonly Store[];
  readonly fleet: Fleet;
  readonly budget: IvBudget;
  /** Whether no token serves: as AWS KMS sees it, only then is the fleet out. */
  isOut(): Promise<boolean>;
  /** Until when a request that comes in now has to be answered. */
  deadline(): Deadline;
  /** Does the work of one request; until it is done, nothing that it may need is closed. */
  during<T>(work: () => Promise<T>): Promise<T>;
  /** Takes no more work; resolves when the work under way is done, and what no other configuration shares is closed. */
  retire(): Promise<void>;
}

/**
 * Opens what a configuration needs, and warms it up: the first calls into a token are slow, and KMS should not be the
 * one to wait for them. Rejects with XksProxyError `TOKEN_UNAVAILABLE` or `PIN_REFUSED`; then nothing is left open.
 *
 * @param before what is served now; tokens that stay the same are shared with it
 */
export async function openServing(
  config: ProxyConfig,
  parts: FleetParts,
  before?: Serving,
): Promise<Serving> {
  const redis = await sharedCounts(config);
  const fleet = await openFleet(config, parts, before?.fleet).catch((error: unknown) => {
    redis?.client.disconnect();
    throw error;
  });
  const stores = config.stores.map((store) =>
    openStore(store, {
      deviceOf: (key) => fleet.deviceOf(key),
      quota: storeQuota(store.name, store.quota, redis),
    }),
  );
  const statuses = () => Promise.all(fleet.members.map(({ health }) => health.status()));
  await statuses();

  let underWay = 0;
  let drained: (() => void) | undefined;
  const during = async <T>(work: () => Promise<T>): Promise<T> => {
    underWay += 1;
    try {
      return await work();
    } finally {
      underWay -= 1;
      if (underWay === 0) drained?.();
    }
  };
  return {
    config,
    stores,
    fleet,
    budget: parts.budget,
    isOut: () => during(async () => (await statuses()).every((status) => status === 'UNAVAILABLE')),
    deadline: sharedDeadlines(config.server.timeoutMs),
    during,
    async retire() {
      if (underWay > 0) {
        await new Promise<void>((resolve) => {
          drained = resolve;
        });
      }
      redis?.client.disconnect();
      await fleet.release();
    },
  };
}

/** The fields of an event in the log that says what is served. */
export function servedFields({ fleet, stores }: Serving) {
  const tokens = fleet.members.map(({ token, id }) => ({ name: token.config.name, serial: id }));
  return { tokens, stores: stores.map(({ name }) => name) };
}

async function sharedCounts({ redis, stores }: ProxyConfig): Promise<SharedCounts | undefined> {
  if (redis === undefined || !stores.some(({ quota }) => quota?.isShared)) return undefined;
  return { client: await connectRedis(redis), config: redis };
}
