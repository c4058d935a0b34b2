import { KmsError } from '../errors.ts';
import type { KeySpec, KeyUsage } from './key-specs.ts';
import type { KeyVersion } from './versions.ts';

/** A KMS key as it stands in one Region. */
export interface KmsKey {
  /** Lower-case UUID; `mrk-` and 32 hex digits for a multi-Region key, the same in all its Regions. */
  readonly id: string;
  readonly arn: string;
  readonly region: string;
  readonly spec: KeySpec;
  readonly usage: KeyUsage;
  /** Who made its material: this KMS, the user who imports it, or both this KMS and an external key store. */
  readonly origin: 'AWS_KMS' | 'EXTERNAL' | 'EXTERNAL_KEY_STORE';
  readonly createdAt: Date;
  readonly description: string;
  readonly enabled: boolean;
  readonly versions: readonly KeyVersion[];
  /** The key of an external key manager that encrypts a second time. */
  readonly external: ExternalKey | undefined;
  /** Only of multi-Region keys. The key in the primary Region is the one that is replicated and rotated. */
  readonly primaryRegion: string | undefined;
  readonly rotation: AutomaticRotation | undefined;
  readonly deletion: ScheduledDeletion | undefined;
  /** The key policy as it was put: JSON text. */
  readonly policy: string;
  /** Values by tag key. */
  readonly tags: ReadonlyMap<string, string>;
}

/** When the material of a symmetric key is replaced. Shared by related keys. */
interface AutomaticRotation {
  readonly periodDays: number;
  readonly nextAt: Date;
}

/** The waiting period of a key that is to be deleted. */
interface ScheduledDeletion {
  readonly windowDays: number;
  /** Undefined for a primary key as long as it has replicas: only then does the waiting begin. */
  readonly at: Date | undefined;
}

/** Which key of which external key store. */
export interface ExternalKey {
  readonly customKeyStoreId: string;
  readonly xksKeyId: string;
}

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
  /** In no order. */
  all(): Iterable<KmsKey>;
  inCustomKeyStore(customKeyStoreId: string): readonly KmsKey[];
  /** Throws XksKeyAlreadyInUseException if another key of the store has the external key. */
  add(key: KmsKey): void;
  /** Changes the key as it is by now, which may be newer than what the caller holds. */
  update(id: string, changes: KeyChanges): void;
  delete(id: string): void;
}

/** No keys yet. */
export function createKeys(): Keys {
  const byId = new Map<string, KmsKey>();
  const inCustomKeyStore = (customKeyStoreId: string): readonly KmsKey[] =>
    [...byId.values()].filter((key) => key.external?.customKeyStoreId === customKeyStoreId);

  return {
    find: (id) => byId.get(id),
    list: () => [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    all: () => byId.values(),
    inCustomKeyStore,
    add(key) {
      if (key.external) assertUnused(key.external, inCustomKeyStore(key.external.customKeyStoreId));
      byId.set(key.id, key);
    },
    update(id, changes) {
      const key = byId.get(id);
      if (key) byId.set(id, { ...key, ...changes });
    },
    delete: (id) => void byId.delete(id),
  };
}

/** Throws XksKeyAlreadyInUseException if one of the keys in the store already stands for the external key. */
export function assertUnused({ xksKeyId }: ExternalKey, keysInStore: readonly KmsKey[]): void {
  if (keysInStore.some((key) => key.external?.xksKeyId === xksKeyId)) {
    throw new KmsError(
      'XksKeyAlreadyInUseException',
      'Another KMS key of this external key store already has this external key.',
    );
  }
}
