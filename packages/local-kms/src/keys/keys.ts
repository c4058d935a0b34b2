import { randomUUID } from 'node:crypto';
import { type ArnScope, kmsArn } from '../arn.ts';
import { KmsError } from '../errors.ts';
import type { KeyMaterial, KeySpec } from './key-specs.ts';

/** A KMS key. Its material is its own also when it lives in an external key store. */
export interface KmsKey {
  /** Lower-case UUID. */
  readonly id: string;
  readonly arn: string;
  readonly spec: KeySpec;
  readonly description: string;
  readonly createdAt: Date;
  readonly material: KeyMaterial;
  /** The key of an external key manager that encrypts a second time. */
  readonly external?: ExternalKey;
  readonly enabled: boolean;
}

/** Which key of which external key store. */
export interface ExternalKey {
  readonly customKeyStoreId: string;
  readonly xksKeyId: string;
}

interface NewKey {
  readonly spec: KeySpec;
  readonly description: string;
  readonly material: KeyMaterial;
  readonly external?: ExternalKey;
}

/** The keys of the account and Region. */
export interface Keys {
  find(id: string): KmsKey | undefined;
  /** In the order of their ids. */
  list(): readonly KmsKey[];
  inCustomKeyStore(customKeyStoreId: string): readonly KmsKey[];
  /** Adds an enabled key. Throws XksKeyAlreadyInUseException if another key of the store has the external key. */
  add(key: NewKey): KmsKey;
  setEnabled(key: KmsKey, enabled: boolean): void;
}

/** No keys yet; those to come have ARNs of the scope. */
export function createKeys(scope: ArnScope): Keys {
  const byId = new Map<string, KmsKey>();
  const inCustomKeyStore = (customKeyStoreId: string): readonly KmsKey[] =>
    [...byId.values()].filter((key) => key.external?.customKeyStoreId === customKeyStoreId);

  return {
    find: (id) => byId.get(id),
    list: () => [...byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    inCustomKeyStore,
    add(newKey) {
      const { external } = newKey;
      if (external) assertUnused(external, inCustomKeyStore(external.customKeyStoreId));
      const id = randomUUID();
      const key = { ...newKey, id, arn: kmsArn(scope, `key/${id}`), createdAt: new Date(), enabled: true };
      byId.set(id, key);
      return key;
    },
    setEnabled: (key, enabled) => void byId.set(key.id, { ...key, enabled }),
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
