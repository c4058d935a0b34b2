import type { Kms } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import type { KeyUsage } from './key-specs.ts';
import type { KmsKey } from './kms-key.ts';
import { associatedVersions } from './versions.ts';

/** The state of a key, as DescribeKey tells it. Changes take effect at once here: none is Creating or Updating. */
export type KeyState =
  | 'Enabled'
  | 'Disabled'
  | 'PendingImport'
  | 'PendingDeletion'
  | 'PendingReplicaDeletion'
  | 'Unavailable';

/** What is done to a key, as far as its state matters. */
type Treatment = keyof typeof STATES;

/** The state of a key. A key of a store that is not connected is unavailable, also while it is disabled. */
export function keyState({ customKeyStores }: Kms, key: KmsKey): KeyState {
  if (key.deletion) return key.deletion.at ? 'PendingDeletion' : 'PendingReplicaDeletion';
  if (isIncomplete(key)) return 'PendingImport';
  const store = key.external && customKeyStores.withId(key.external.customKeyStoreId);
  if (store && store.connection.state !== 'CONNECTED') return 'Unavailable';
  return key.enabled ? 'Enabled' : 'Disabled';
}

/** Throws DisabledException or KMSInvalidStateException if the state of the key does not permit the treatment. */
export function assertState(kms: Kms, key: KmsKey, treatment: Treatment): void {
  const state = keyState(kms, key);
  const permitted: readonly KeyState[] = STATES[treatment];
  if (permitted.includes(state)) return;
  const isDisabled = state === 'Disabled' && treatment !== 'cancelDeletion';
  throw new KmsException(
    isDisabled ? 'DisabledException' : 'KMSInvalidStateException',
    `The key ${key.arn} ${CONDITIONS[state]}.`,
  );
}

/** Throws as `assertState` does, and InvalidKeyUsageException for a key of another usage. */
export function assertUsable(kms: Kms, key: KmsKey, usage: KeyUsage): void {
  assertState(kms, key, 'use');
  if (key.usage !== usage) {
    throw new KmsException(
      'InvalidKeyUsageException',
      `The key ${key.arn} is for ${key.usage}, not for ${usage}.`,
    );
  }
}

/** Whether a key lacks material that it is to have. */
function isIncomplete(key: KmsKey): boolean {
  const associated = associatedVersions(key);
  return associated.length === 0 || associated.some(({ material }) => material === undefined);
}

/** AWS KMS Developer Guide, "Key states": which states a treatment is possible in. */
const STATES = {
  /** Cryptography, and grants for it. Of an unavailable key the key store itself says why. */
  use: ['Enabled', 'Unavailable'],
  /** Rotation, replication, a new primary Region. */
  rotateOrReplicate: ['Enabled'],
  switchOnOrOff: ['Enabled', 'Disabled', 'Unavailable'],
  import: ['Enabled', 'Disabled', 'PendingImport'],
  change: ['Enabled', 'Disabled', 'PendingImport', 'Unavailable'],
  cancelDeletion: ['PendingDeletion', 'PendingReplicaDeletion'],
} as const satisfies Record<string, readonly KeyState[]>;

const CONDITIONS = {
  Enabled: 'is enabled',
  Disabled: 'is disabled',
  PendingImport: 'is pending import',
  PendingDeletion: 'is pending deletion',
  PendingReplicaDeletion: 'is pending deletion',
  Unavailable: 'is in a key store that is not connected',
} as const satisfies Record<KeyState, string>;
