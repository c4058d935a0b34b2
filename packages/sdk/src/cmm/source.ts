import type { Keyring } from '../keyring.ts';
import type { CryptographicMaterialsManager, DecryptionMaterialsManager } from './cmm.ts';
import { defaultCmm, defaultDecryption } from './default.ts';

/** What provides the materials: a keyring, or a CMM around one. */
export type MaterialsSource =
  | { readonly keyring: Keyring; readonly cmm?: never }
  | { readonly cmm: CryptographicMaterialsManager; readonly keyring?: never };

/** @throws TypeError unless there is exactly one of the two */
export function materialsManager(source: MaterialsSource): CryptographicMaterialsManager {
  return managerOf(source, defaultCmm);
}

/**
 * The same for decryption alone, without a reference to code for encryption, so that bundlers can leave that code out.
 *
 * @throws TypeError unless there is exactly one of the two
 */
export function decryptionManager(source: MaterialsSource): DecryptionMaterialsManager {
  return managerOf(source, defaultDecryption);
}

function managerOf<Default>(
  source: MaterialsSource,
  around: (keyring: Keyring) => Default,
): CryptographicMaterialsManager | Default {
  // A caller without type checks may have left it out.
  const { keyring, cmm } = source ?? {};
  if (keyring !== undefined && cmm === undefined) return around(keyring);
  if (cmm !== undefined && keyring === undefined) return cmm;
  throw new TypeError('options: expected a keyring or a cmm');
}
