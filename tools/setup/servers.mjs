import { installAsRoot } from './debian.mjs';
import { run } from './step.mjs';

/** Servers that tests start for themselves: the Debian package, which is also the name of the program, and what for. */
const servers = [['redis-server', 'Redis, for tests of shared quotas']];

/** Tries to have them. Nothing else needs them: where one cannot be installed, its tests are skipped and say so. */
export function tryServers(root) {
  for (const [name, purpose] of servers) {
    if (!run(name, ['--version']).ok) installAsRoot(root, name, purpose);
  }
}
