import type { StoreConfig, StoreKeyConfig } from './config.ts';
import { XksException } from './errors.ts';
import type { DeviceKey, KeyDevice, KeyUsage } from './key-device.ts';
import { type SigningKeys, signingKeys } from './sigv4/signing-keys.ts';

/** One external key store: a path prefix with its own callers and keys. */
export interface Store {
  readonly name: string;
  readonly pathPrefix: string;
  readonly regions: ReadonlySet<string>;
  /** By access key id. */
  readonly credentials: ReadonlyMap<string, SigningKeys>;
  /** By external key id. */
  readonly keys: ReadonlyMap<string, StoreKeyConfig>;
}

/** A store with its lookups prepared. */
export function openStore(config: StoreConfig): Store {
  return {
    name: config.name,
    pathPrefix: config.pathPrefix,
    regions: new Set(config.regions),
    credentials: new Map(
      config.credentials.map((row) => [row.accessKeyId, signingKeys(row.secretAccessKey)]),
    ),
    keys: new Map(config.keys.map((key) => [key.externalKeyId, key])),
  };
}

/** The configuration of an external key. Throws `KeyNotFoundException`. */
export function storeKey(store: Store, externalKeyId: string): StoreKeyConfig {
  const key = store.keys.get(externalKeyId);
  if (key === undefined) throw new XksException('KeyNotFoundException', 'The external key was not found.');
  return key;
}

/** What a key may be used for: what its configuration and its device both allow. */
export function keyUsages(key: StoreKeyConfig, deviceKey: DeviceKey): readonly KeyUsage[] {
  return key.usages.filter((usage) => deviceKey.usages.includes(usage));
}

/**
 * The device key behind an external key, ready for the `needed` usages. Throws `KeyNotFoundException`,
 * `InvalidStateException` for a disabled key and `InvalidKeyUsageException`.
 */
export function usableKey(
  store: Store,
  externalKeyId: string,
  device: KeyDevice,
  needed: readonly KeyUsage[],
): DeviceKey {
  const key = storeKey(store, externalKeyId);
  if (key.status !== 'ENABLED')
    throw new XksException('InvalidStateException', 'The external key is disabled.');
  const deviceKey = device.key(key.label);
  const allowed = keyUsages(key, deviceKey);
  if (!needed.every((usage) => allowed.includes(usage))) {
    throw new XksException('InvalidKeyUsageException', 'The external key does not support this operation.');
  }
  return deviceKey;
}
