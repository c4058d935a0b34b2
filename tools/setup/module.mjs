import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { installAsRoot, unpackPackage } from './debian.mjs';
import { problemOf } from './probe.mjs';
import { SetupFailure } from './step.mjs';

/** Where distributions put SoftHSM2, in the order in which `findModule()` of @holdfast/pkcs11/testing looks. */
const knownModulePaths = [
  '/usr/lib/softhsm/libsofthsm2.so',
  '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so',
  '/usr/lib64/softhsm/libsofthsm2.so',
  '/usr/lib64/pkcs11/libsofthsm2.so',
  '/usr/local/lib/softhsm/libsofthsm2.so',
  '/opt/homebrew/lib/softhsm/libsofthsm2.so',
];

/** Makes sure that there is a PKCS#11 module which loads: the one asked for, one of the system, or SoftHSM2. */
export function ensureModule(root) {
  const asked = process.env.PKCS11_MODULE;
  if (asked) {
    const problem = problemOf(root, asked);
    if (problem === undefined) return;
    throw new SetupFailure(
      `PKCS11_MODULE names a file that is no PKCS#11 module: ${problem}`,
      'Correct PKCS11_MODULE, or unset it to use SoftHSM2.',
    );
  }
  const own = join(root, '.setup', 'softhsm');
  const candidates = [...knownModulePaths, join(own, 'usr/lib/softhsm/libsofthsm2.so')];
  const found = () => candidates.some((path) => existsSync(path) && problemOf(root, path) === undefined);
  if (found()) return;
  const installation = installAsRoot(root, 'libsofthsm2', 'SoftHSM2');
  if (found()) return;
  const download = unpackPackage(root, 'libsofthsm2', own);
  if (found()) return;
  const broken = candidates.find(existsSync);
  const why = broken ? problemOf(root, broken) : (download.why ?? installation.why);
  throw new SetupFailure(
    `no PKCS#11 module here, and SoftHSM2 could not be made ready: ${why}`,
    'Install it (Debian, Ubuntu: apt-get install softhsm2; Fedora: dnf install softhsm), or name a module in PKCS11_MODULE.',
  );
}
