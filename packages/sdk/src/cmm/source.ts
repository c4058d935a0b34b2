import type { Keyring } from '../keyring.ts';
import type { CryptographicMaterialsManager, DecryptionMaterialsManager } from './cmm.ts';
import { defaultCmm, defaultDecryption } from './default.ts';

/** What provides the materials: a keyring, or a CMM around one. */
export type MaterialsSource =
  | { readonly keyring: Keyring; readonly cmm?: never }
  | { readonly cmm: CryptographicMaterialsManager; readonly keyring?: never };

/** @throws TypeError unless there is exactly one of the two, and it is what its name says */
export function materialsManager(source: MaterialsSource): CryptographicMaterialsManager {
  const manager = managerOf(source, defaultCmm, 'onEncrypt');
  if (typeof manager.encryptionMaterials !== 'function') {
    throw new TypeError('cmm: expected a cryptographic materials manager');
  }
  return manager;
}

/**
 * The same for decryption alone, without a reference to code for encryption, so that bundlers can leave that code out.
 *
 * @throws TypeError unless there is exactly one of the two, and it can decrypt
 */
export function decryptionManager(source: MaterialsSource): DecryptionMaterialsManager {
  return managerOf(source, defaultDecryption, 'onDecrypt');
}

function managerOf<Default>(
  source: MaterialsSource,
  around: (keyring: Keyring) => Default,
  method: keyof Keyring,
): CryptographicMaterialsManager | Default {
  // A caller without type checks may have left it out, or may not have awaited the promise of a keyring.
  const { keyring, cmm } = source ?? {};
  if (cmm === undefined && typeof keyring?.[method] === 'function') return around(keyring);
  if (keyring === undefined && cmm) return cmm;
  throw new TypeError('options: expected a keyring or a cmm');
}
