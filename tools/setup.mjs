// Makes a checkout ready to run, and says only what it had to do: the right Node, the packages of the lock file,
// the PKCS#11 binding, a PKCS#11 module. `npm start` calls it first; it needs nothing but Node. With `--tests`, as `npm test`
// calls it, it also tries to get what some tests want; with `--runtimes`, and with `--tests` in CI, the runtimes that the SDK
// is tested on.
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBinding } from './setup/binding.mjs';
import { ensureModule } from './setup/module.mjs';
import { ensureNode } from './setup/node.mjs';
import { ensurePackages } from './setup/packages.mjs';
import { ensureRuntimes } from './setup/runtimes.mjs';
import { SetupFailure } from './setup/step.mjs';
import { tryPackages } from './setup/test-packages.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const has = (option) => process.argv.includes(option);
const forTests = has('--tests');

try {
  ensureNode(root);
  mkdirSync(join(root, '.setup'), { recursive: true });
  ensurePackages(root);
  ensureBinding(root);
  ensureModule(root);
  if (forTests) tryPackages(root);
  if (has('--runtimes') || (forTests && process.env.CI === 'true')) ensureRuntimes(root);
} catch (error) {
  if (!(error instanceof SetupFailure)) throw error;
  process.stderr.write(`set-up: ${error.message}\n        ${error.remedy}\n`);
  process.exitCode = 1;
}
