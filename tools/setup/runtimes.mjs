import { cpSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { installAsRoot } from './debian.mjs';
import { installLocked } from './packages.mjs';
import { run, SetupFailure } from './step.mjs';

/** Makes sure that everything is there that test/runtimes runs the SDK on: runtimes from npm, and Chromium. */
export function ensureRuntimes(root) {
  const folder = join(root, '.setup', 'runtimes');
  mkdirSync(folder, { recursive: true });
  for (const file of ['package.json', 'package-lock.json']) {
    cpSync(join(root, 'tools', 'setup', 'runtimes', file), join(folder, file));
  }
  installLocked(root, folder, 'runtimes');
  ensureChromium(root);
}

function ensureChromium(root) {
  const isInstalled = () => run('chromium', ['--version']).ok;
  if (isInstalled()) return;
  const installation = installAsRoot(root, 'chromium', 'Chromium');
  if (isInstalled()) return;
  throw new SetupFailure(
    `Chromium is not here and could not be installed: ${installation.why}`,
    'Install it under the name chromium (Debian: apt-get install chromium).',
  );
}
