import { KmsException } from '../kms-exception.ts';
import type { Table } from '../state/table.ts';
import { type KeyEvent, nextEventOf } from './key-events.ts';
import type { ExternalKey, KmsKey } from './kms-key.ts';

/** What may change in a key. */
export type KeyChanges = Partial<
  Pick<
    KmsKey,
    'description' | 'enabled' | 'versions' | 'primaryRegion' | 'rotation' | 'deletion' | 'policy' | 'tags'
  >
>;

/** The keys of one Region. */
export interface Keys {
  find(id: string): KmsKey | undefined;
  /** In the order of their ids. */
  list(): readonly KmsKey[];
  /** What happens to one of the keys first, if anything does. */
  next(): NextEvent | undefined;
  inCustomKeyStore(customKeyStoreId: string): readonly KmsKey[];
  /** Throws XksKeyAlreadyInUseException if another key of the store has the external key. */
  add(key: KmsKey): void;
  /** Changes the current key, which may be newer than the one that the caller holds. */
  update(id: string, changes: KeyChanges): void;
  delete(id: string): void;
}

/** What happens next, to which key. */
interface NextEvent {
  readonly key: KmsKey;
  readonly event: KeyEvent;
}

/** The keys of a table by their ids. */
export function createKeys(byId: Table<KmsKey>): Keys {
  // Looking through all keys with every request would cost more than the request.
  let next: NextEvent | undefined;
  let isNextKnown = false;
  const noteEvent = (key: KmsKey): void => {
    const event = nextEventOf(key);
    if (event && (!next || event.at < next.event.at)) next = { key, event };
  };
  const changed = (key: KmsKey): void => {
    if (next?.key.id === key.id) isNextKnown = false;
    else if (isNextKnown) noteEvent(key);
  };
  const inCustomKeyStore = (customKeyStoreId: string): readonly KmsKey[] =>
    [...byId.values()].filter((key) => key.external?.customKeyStoreId === customKeyStoreId);

  return {
    find: (id) => byId.get(id),
    list: () => [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    next() {
      if (isNextKnown) return next;
      next = undefined;
      for (const key of byId.values()) noteEvent(key);
      isNextKnown = true;
      return next;
    },
    inCustomKeyStore,
    add(key) {
      if (key.external) assertUnused(key.external, inCustomKeyStore(key.external.customKeyStoreId));
      byId.set(key.id, key);
      changed(key);
    },
    update(id, changes) {
      const key = byId.get(id);
      if (!key) return;
      const updated = { ...key, ...changes };
      byId.set(id, updated);
      changed(updated);
    },
    delete(id) {
      const key = byId.get(id);
      byId.delete(id);
      if (key) changed(key);
    },
  };
}

/** Throws XksKeyAlreadyInUseException if one of the keys in the store already stands for the external key. */
export function assertUnused({ xksKeyId }: ExternalKey, keysInStore: readonly KmsKey[]): void {
  if (keysInStore.some((key) => key.external?.xksKeyId === xksKeyId)) {
    throw new KmsException(
      'XksKeyAlreadyInUseException',
      'Another KMS key of this external key store already has this external key.',
    );
  }
}
