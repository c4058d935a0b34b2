import { existsSync } from 'node:fs';
import { installAsRoot } from './debian.mjs';

/** Where distributions put softokn, as `findNssModule()` of @holdfast/pkcs11/testing knows it. */
const knownModulePaths = [
  '/usr/lib/x86_64-linux-gnu/libsoftokn3.so',
  '/usr/lib/aarch64-linux-gnu/libsoftokn3.so',
  '/usr/lib64/libsoftokn3.so',
  '/usr/lib/libsoftokn3.so',
];

/**
 * Tries to have a second PKCS#11 module, NSS softokn, for tests of what modules differ in. Nothing else needs it:
 * where it cannot be installed, those tests are skipped and say so. A module that somebody chose is enough.
 */
export function trySecondModule(root) {
  if (process.env.PKCS11_MODULE || knownModulePaths.some((path) => existsSync(path))) return;
  installAsRoot(root, 'libnss3', 'NSS softokn, for tests');
}
