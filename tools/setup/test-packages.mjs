import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { installAsRoot } from './debian.mjs';
import { run } from './step.mjs';

/** What single tests want: the Debian package, what for, and whether what is in it is there. */
const packages = [
  {
    name: 'libnss3',
    purpose: 'NSS softokn, for tests of what PKCS#11 modules differ in',
    // Where distributions put it, as `findNssModule()` of @holdfast/pkcs11/testing knows it. A module of one's own is enough.
    isThere: () =>
      Boolean(process.env.PKCS11_MODULE) ||
      [
        '/usr/lib/x86_64-linux-gnu/libsoftokn3.so',
        '/usr/lib/aarch64-linux-gnu/libsoftokn3.so',
        '/usr/lib64/libsoftokn3.so',
        '/usr/lib/libsoftokn3.so',
      ].some((path) => existsSync(path)),
  },
  {
    name: 'redis-server',
    purpose: 'Redis, for tests of shared quotas',
    isThere: () => run('redis-server', ['--version']).ok,
  },
  {
    name: 'haproxy',
    purpose: 'HAProxy, for a test of two XKS proxies behind it',
    isThere: () => run('haproxy', ['-v']).ok,
  },
  {
    name: 'postgresql',
    purpose: 'PostgreSQL, for tests of the state of the local KMS',
    // Where Debian puts the programs of all versions, which are not on the path.
    isThere: () => existsSync('/usr/lib/postgresql') || run('initdb', ['--version']).ok,
  },
];

/**
 * Tries to have them, each once in the life of `.setup`. Where one cannot be installed, its tests are skipped and say so.
 */
export function tryPackages(root) {
  for (const { name, purpose, isThere } of packages) {
    const tried = join(root, '.setup', `tried-${name}`);
    if (existsSync(tried) || isThere()) continue;
    writeFileSync(tried, '');
    installAsRoot(root, name, purpose);
  }
}
