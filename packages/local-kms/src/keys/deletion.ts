import { daysAfter } from '../clock.ts';
import type { Account } from '../kms.ts';
import type { KmsKey } from './kms-key.ts';
import { relatedKeys, replicasOf } from './multi-region.ts';

/** Whether the waiting period of a primary key that is to be deleted has yet to begin. */
export function waitsForReplicas(account: Account, key: KmsKey): boolean {
  return key.region === key.primaryRegion && replicasOf(account, key).length > 0;
}

/**
 * Deletes a key whose time has come, with its aliases and grants. With the last replica of a primary key that is
 * to be deleted, the waiting period of that begins.
 */
export function deleteKey(account: Account, key: KmsKey, at: Date): void {
  const { keys, aliases, grants, lastUses } = account.region(key.region);
  keys.delete(key.id);
  for (const { name, targetKeyId } of aliases.list()) if (targetKeyId === key.id) aliases.delete(name);
  grants.deleteOf(key.id);
  lastUses.delete(key.id);
  const primary = relatedKeys(account, key).find(({ region }) => region === key.primaryRegion);
  if (!primary?.deletion || waitsForReplicas(account, primary)) return;
  const { windowDays } = primary.deletion;
  const deletion = { windowDays, at: daysAfter(at, windowDays) };
  account.region(primary.region).keys.update(primary.id, { deletion });
}
