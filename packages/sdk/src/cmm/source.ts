import type { Keyring } from '../keyring.ts';
import type { CryptographicMaterialsManager } from './cmm.ts';
import { defaultCmm } from './default.ts';

/** What provides the materials: a keyring, or a CMM around one. */
export type MaterialsSource =
  | { readonly keyring: Keyring; readonly cmm?: never }
  | { readonly cmm: CryptographicMaterialsManager; readonly keyring?: never };

/** @throws TypeError unless there is exactly one of the two */
export function materialsManager({ keyring, cmm }: MaterialsSource): CryptographicMaterialsManager {
  if (keyring !== undefined && cmm === undefined) return defaultCmm(keyring);
  if (cmm !== undefined && keyring === undefined) return cmm;
  throw new TypeError('expected either a keyring or a cmm');
}
