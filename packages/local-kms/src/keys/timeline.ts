import type { Account } from '../kms.ts';
import { deleteKey } from './deletion.ts';
import type { KeyEvent } from './key-events.ts';
import type { KmsKey } from './kms-key.ts';
import { rotateAsScheduled } from './rotation.ts';

/** Carries out everything that is due: deletions, rotations and expiries, in the order of their times. */
export function catchUp(account: Account): void {
  const now = account.clock.now();
  for (;;) {
    const due = account.regions().flatMap(({ keys }) => keys.next() ?? []);
    const [next] = due.sort((a, b) => a.event.at.getTime() - b.event.at.getTime());
    if (!next || next.event.at > now) return;
    happen(account, next.key, next.event);
  }
}

function happen(account: Account, key: KmsKey, event: KeyEvent): void {
  if (event.type === 'deletion') deleteKey(account, key, event.at);
  else if (event.type === 'rotation') rotateAsScheduled(account, key, event.at);
  else expire(account, key, event.versionId);
}

function expire(account: Account, key: KmsKey, versionId: string): void {
  const versions = key.versions.map((version) =>
    version.id === versionId ? { ...version, material: undefined, expiresAt: undefined } : version,
  );
  account.region(key.region).keys.update(key.id, { versions });
}
