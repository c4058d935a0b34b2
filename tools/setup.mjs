// Makes a checkout ready to run, and says only what it had to do: the right Node, the packages of the lock file,
// the PKCS#11 binding, a PKCS#11 module. `npm start` and `npm test` call it first; it needs nothing but Node.
// With `--runtimes`, and in CI, it also gets the runtimes that the SDK is tested on; in CI, servers that tests start, too.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBinding } from './setup/binding.mjs';
import { ensureModule } from './setup/module.mjs';
import { ensureNode } from './setup/node.mjs';
import { ensurePackages } from './setup/packages.mjs';
import { ensureRuntimes } from './setup/runtimes.mjs';
import { trySecondModule } from './setup/second-module.mjs';
import { tryServers } from './setup/servers.mjs';
import { SetupFailure } from './setup/step.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

try {
  ensureNode(root);
  mkdirSync(join(root, '.setup'), { recursive: true });
  ensurePackages(root);
  ensureBinding(root);
  ensureModule(root);
  trySecondModule(root);
  if (process.argv.includes('--runtimes') || process.env.CI === 'true') ensureRuntimes(root);
  if (process.env.CI === 'true') tryServers(root);
} catch (error) {
  if (!(error instanceof SetupFailure)) throw error;
  process.stderr.write(`set-up: ${error.message}\n        ${error.remedy}\n`);
  process.exitCode = 1;
}
