import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { record, run, SetupFailure, step } from './step.mjs';

/** Installs exactly what package-lock.json names, unless that is what node_modules holds already. */
export function ensurePackages(root) {
  installLocked(root, root, 'packages');
}

/** The same for the lock file of any folder. */
export function installLocked(root, folder, what) {
  // Left behind by an installation that was interrupted: whatever is there then is not to be trusted.
  const unfinished = join(root, '.setup', `installing-${what}`);
  if (!existsSync(unfinished) && isInstalled(folder)) return;
  step(`installing ${what} (npm ci)`, () => {
    writeFileSync(unfinished, '');
    // What builds and tests is wanted whatever NODE_ENV says.
    const args = ['ci', '--include=dev', '--ignore-scripts', '--no-audit', '--no-fund'];
    const npm = process.env.npm_execpath;
    const { ok, output } = npm?.endsWith('.js')
      ? run(process.execPath, [npm, ...args], { cwd: folder })
      : run('npm', args, { cwd: folder });
    if (!ok) {
      const { file, line } = record(root, 'npm-ci', output);
      throw new SetupFailure(
        `npm ci failed: ${line}`,
        `See ${file}; most often the registry cannot be reached (npm config get registry). Then run this again.`,
      );
    }
    rmSync(unfinished);
  });
}

function isInstalled(folder) {
  const wanted = readPackages(join(folder, 'package-lock.json'));
  // npm writes this copy of what it has installed as the last thing it does.
  const installed = readPackages(join(folder, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return false;
  const complete = Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
    // The root itself is never in the copy, nor are binaries for other platforms.
    if (path === '' || (optional && !(path in installed))) return true;
    const found = installed[path];
    return found !== undefined && found.version === version && found.integrity === integrity;
  });
  return (
    complete &&
    Object.keys(installed).every((path) => path in wanted && existsSync(join(folder, path, 'package.json')))
  );
}

function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}
