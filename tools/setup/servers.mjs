import { existsSync } from 'node:fs';
import { installAsRoot } from './debian.mjs';
import { run } from './step.mjs';

/** Servers that tests start for themselves: the Debian package, what for, and whether its programs are there. */
const servers = [
  {
    name: 'redis-server',
    purpose: 'Redis, for tests of shared quotas',
    isThere: () => run('redis-server', ['--version']).ok,
  },
  {
    name: 'postgresql',
    purpose: 'PostgreSQL, for tests of the state of the local KMS',
    // Where Debian puts the programs of all versions, which are not on the path.
    isThere: () => existsSync('/usr/lib/postgresql') || run('initdb', ['--version']).ok,
  },
];

/** Tries to have them. Nothing else needs them: where one cannot be installed, its tests are skipped and say so. */
export function tryServers(root) {
  for (const { name, purpose, isThere } of servers) if (!isThere()) installAsRoot(root, name, purpose);
}
