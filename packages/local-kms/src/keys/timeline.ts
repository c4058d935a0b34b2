import type { Account } from '../kms.ts';
import { deleteKey } from './deletion.ts';
import type { KmsKey } from './keys.ts';
import { rotateAsScheduled } from './rotation.ts';

/** Lets everything happen that was due by now: deletions, rotations and expiries, in the order of their times. */
export function catchUp(account: Account): void {
  const now = account.clock.now();
  for (;;) {
    const next = nextEvent(account);
    if (!next || next.at > now) return;
    next.happen();
  }
}

interface KeyEvent {
  readonly at: Date;
  happen(): void;
}

function nextEvent(account: Account): KeyEvent | undefined {
  let next: KeyEvent | undefined;
  for (const { keys } of account.regions()) {
    for (const key of keys.all()) {
      for (const event of eventsOf(account, key)) if (!next || event.at < next.at) next = event;
    }
  }
  return next;
}

/** What is to happen to a key. One operation after another: each event makes those after it anew. */
function eventsOf(account: Account, key: KmsKey): readonly KeyEvent[] {
  const { deletion, rotation, versions } = key;
  const events: KeyEvent[] = [];
  if (deletion?.at) {
    const { at } = deletion;
    events.push({ at, happen: () => deleteKey(account, key, at) });
  }
  if (rotation && rotates(key)) {
    const at = rotation.nextAt;
    events.push({ at, happen: () => rotateAsScheduled(account, key, at) });
  }
  for (const { id, expiresAt } of versions) {
    if (expiresAt) events.push({ at: expiresAt, happen: () => expire(account, key, id) });
  }
  return events;
}

// Of related keys, the primary one is rotated. What cannot be used is not rotated either.
function rotates({ enabled, deletion, region, primaryRegion = region }: KmsKey): boolean {
  return enabled && !deletion && region === primaryRegion;
}

function expire(account: Account, key: KmsKey, versionId: string): void {
  const versions = key.versions.map((version) =>
    version.id === versionId ? { ...version, material: undefined, expiresAt: undefined } : version,
  );
  account.region(key.region).keys.update(key.id, { versions });
}
