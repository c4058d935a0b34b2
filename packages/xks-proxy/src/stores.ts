import type { StoreConfig } from './config/config.ts';
import type { StoreKeyConfig } from './config/keys.ts';
import type { KeyDevice, KeyUsage } from './devices/key-device.ts';
import type { Policy } from './policy/policy.ts';
import type { Quota } from './quota/quota.ts';
import { type SigningKeys, signingKeys } from './sigv4/signing-keys.ts';
import { XksException } from './xks-exception.ts';

/** One external key store: a path prefix with its own callers and keys. */
export interface Store {
  readonly name: string;
  readonly pathPrefix: string;
  readonly regions: ReadonlySet<string>;
  /** By access key id. */
  readonly credentials: ReadonlyMap<string, SigningKeys>;
  readonly policy: Policy;
  readonly quota: Quota;
  /** By external key id. */
  readonly keys: ReadonlyMap<string, StoreKey>;
}

/** An external key, and the device with its material. */
export interface StoreKey extends StoreKeyConfig {
  readonly device: KeyDevice;
}

/** The parts of a store besides its configuration: the device of each key, and its quota. */
export interface StoreParts {
  readonly deviceOf: (key: StoreKeyConfig) => KeyDevice;
  readonly quota: Quota;
}

/** Opens a store: its lookups are prepared. */
export function openStore(config: StoreConfig, { deviceOf, quota }: StoreParts): Store {
  return {
    name: config.name,
    pathPrefix: config.pathPrefix,
    regions: new Set(config.regions),
    credentials: new Map(
      config.credentials.map((row) => [row.accessKeyId, signingKeys(row.secretAccessKey)]),
    ),
    policy: config.policy,
    quota,
    keys: new Map(config.keys.map((key) => [key.externalKeyId, { ...key, device: deviceOf(key) }])),
  };
}

/** The external key with an id. Throws `KeyNotFoundException`, and `InvalidStateException` for a blocked key. */
export function storeKey(store: Store, externalKeyId: string): StoreKey {
  const key = store.keys.get(externalKeyId);
  if (key === undefined) throw new XksException('KeyNotFoundException', 'The external key was not found.');
  if (key.status === 'BLOCKED') {
    throw new XksException('InvalidStateException', 'The external key is blocked.', {
      reason: 'key-blocked',
    });
  }
  return key;
}

/** Throws `InvalidStateException` for a disabled key, and `InvalidKeyUsageException` for a key without all needed usages. */
export function requireUsable({ status, usages }: StoreKeyConfig, needed: readonly KeyUsage[]): void {
  if (status !== 'ENABLED') throw new XksException('InvalidStateException', 'The external key is disabled.');
  if (!needed.every((usage) => usages.includes(usage))) {
    throw new XksException('InvalidKeyUsageException', 'The external key does not support this operation.');
  }
}
