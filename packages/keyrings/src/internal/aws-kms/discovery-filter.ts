import { isText } from '../text.ts';
import type { AwsKmsKeyArn } from './arn.ts';

/** Limits the accounts whose keys may be used, where a message or record names the key and not the configuration. */
export interface DiscoveryFilter {
  /** Such as `aws` or `aws-cn`. */
  readonly partition: string;
  /** Account ids, one at least. */
  readonly accountIds: readonly string[];
}

/**
 * Returns a function that tells whether a key passes the filter; without a filter, all do.
 *
 * @throws TypeError for a filter that nothing passes
 */
export function passing(filter: DiscoveryFilter | undefined): (arn: AwsKmsKeyArn) => boolean {
  if (filter === undefined) return () => true;
  const { partition } = filter;
  const accountIds = new Set(Array.isArray(filter.accountIds) ? filter.accountIds : []);
  if (!isText(partition) || accountIds.size === 0 || ![...accountIds].every(isText)) {
    throw new TypeError('discoveryFilter: expected a partition and account ids');
  }
  return (arn) => arn.partition === partition && accountIds.has(arn.account);
}
