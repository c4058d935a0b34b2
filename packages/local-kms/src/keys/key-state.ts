import { KmsError } from '../errors.ts';
import type { Kms } from '../kms.ts';
import { KEY_SPECS, type KeyUsage } from './key-specs.ts';
import type { KmsKey } from './keys.ts';

/** The state of a key as DescribeKey tells it. A key of a store that is not connected cannot be used. */
export function keyState({ customKeyStores }: Kms, key: KmsKey): 'Enabled' | 'Disabled' | 'Unavailable' {
  if (!key.enabled) return 'Disabled';
  if (!key.external) return 'Enabled';
  const { connection } = customKeyStores.withId(key.external.customKeyStoreId);
  return connection.state === 'CONNECTED' ? 'Enabled' : 'Unavailable';
}

/** Throws DisabledException for a disabled key and InvalidKeyUsageException for one of another usage. */
export function assertUsable(key: KmsKey, usage: KeyUsage): void {
  if (!key.enabled) throw new KmsError('DisabledException', `The key ${key.arn} is disabled.`);
  const actual = KEY_SPECS[key.spec].usage;
  if (actual !== usage) {
    throw new KmsError('InvalidKeyUsageException', `The key ${key.arn} is for ${actual}, not for ${usage}.`);
  }
}
