import type { Account, Kms } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import type { KeyChanges } from './keys.ts';
import type { KmsKey } from './kms-key.ts';

/** The keys that are one multi-Region key together, this one included; of any other key it alone. */
export function relatedKeys(account: Account, key: KmsKey): readonly KmsKey[] {
  if (key.primaryRegion === undefined) return [key];
  return account.regions().flatMap(({ keys }) => keys.find(key.id) ?? []);
}

/** The related keys in other Regions than the primary one; none of a key that is in one Region only. */
export function replicasOf(account: Account, key: KmsKey): readonly KmsKey[] {
  return relatedKeys(account, key).filter(({ region, primaryRegion = region }) => region !== primaryRegion);
}

/** Changes a property that related keys share in all of them. */
export function updateRelated(account: Account, key: KmsKey, changes: KeyChanges): void {
  for (const { region } of relatedKeys(account, key)) account.region(region).keys.update(key.id, changes);
}

/** Throws UnsupportedOperationException for a replica key: what it shares is changed at the primary key. */
export function assertNoReplica({ arn, region, primaryRegion }: KmsKey): void {
  if (primaryRegion === undefined || primaryRegion === region) return;
  throw new KmsException(
    'UnsupportedOperationException',
    `The key ${arn} is a replica; its primary key is in ${primaryRegion}.`,
  );
}

/** Throws UnsupportedOperationException for any key but the primary one of a multi-Region key. */
export function assertPrimary({ arn, region, primaryRegion }: KmsKey): void {
  if (primaryRegion === region) return;
  throw new KmsException(
    'UnsupportedOperationException',
    `The key ${arn} is not a multi-Region primary key.`,
  );
}

/** The KMS of another Region of the partition. Throws UnsupportedOperationException for any other. */
export function otherRegion({ account, scope }: Kms, name: string): Kms {
  const other = account.region(name);
  if (other.scope.partition === scope.partition) return other;
  throw new KmsException('UnsupportedOperationException', `The Region ${name} is of another partition.`);
}
