import type { Account } from '../kms.ts';
import type { XksOperationMetrics } from '../xks/metrics.ts';

/** What the calls to the proxy of an external key store came to, since the store has this endpoint and path. */
export interface XksStoreMetrics {
  readonly region: string;
  readonly customKeyStoreId: string;
  readonly customKeyStoreName: string;
  readonly operations: readonly XksOperationMetrics[];
}

/** The metrics of all external key stores there are. */
export function xksStoreMetrics(account: Account): readonly XksStoreMetrics[] {
  return account.regions().flatMap(({ scope, customKeyStores }) =>
    customKeyStores.list().map(({ id, name, proxy }) => ({
      region: scope.region,
      customKeyStoreId: id,
      customKeyStoreName: name,
      operations: proxy.metrics.read(),
    })),
  );
}
