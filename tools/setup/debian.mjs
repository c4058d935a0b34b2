import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { record, run, step } from './step.mjs';

/** Installs a Debian package as root, or with a sudo that asks for no password. Never throws: `why` it did not. */
export function installAsRoot(root, name, purpose) {
  if (!run('apt-get', ['--version']).ok) return { ok: false, why: 'there is no apt-get here' };
  const prefix = rootPrefix();
  if (prefix === undefined) return { ok: false, why: 'neither root nor a sudo without password' };
  return step(`installing ${purpose} (apt-get install ${name})`, () => {
    const apt = (...args) => {
      const [command, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...args];
      return run(command, rest);
    };
    const install = () => apt('install', '-y', '--no-install-recommends', name);
    let result = install();
    if (!result.ok) {
      // A fresh image has no package lists, an old one has lists that name packages which are gone.
      const update = apt('update');
      result = update.ok ? install() : update;
    }
    return result.ok ? { ok: true } : { ok: false, why: record(root, 'apt-get', result.output).line };
  });
}

/** Downloads a Debian package and unpacks it into `directory`, without any rights. Never throws: `why` it did not. */
export function unpackPackage(root, name, directory) {
  if (!run('dpkg-deb', ['--version']).ok) return { ok: false, why: 'there is no dpkg-deb here' };
  return step(`downloading ${name} and unpacking it into .setup (no root needed)`, () => {
    // Always the same folder: what an interrupted download left there goes first.
    const work = join(root, '.setup', 'download');
    rmSync(work, { recursive: true, force: true });
    mkdirSync(work);
    try {
      const result = download(name, work);
      const [archive] = readdirSync(work).filter((file) => file.endsWith('.deb'));
      if (!result.ok || archive === undefined) {
        return { ok: false, why: record(root, 'apt-get', result.output).line };
      }
      const unpacked = join(work, 'unpacked');
      const unpacking = run('dpkg-deb', ['-x', join(work, archive), unpacked]);
      if (!unpacking.ok) return { ok: false, why: record(root, 'dpkg-deb', unpacking.output).line };
      rmSync(directory, { recursive: true, force: true });
      renameSync(unpacked, directory);
      return { ok: true };
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
}

function download(name, work) {
  const direct = run('apt-get', ['download', name], { cwd: work });
  if (direct.ok) return direct;
  // No package lists, or old ones, and no right to renew them: with a state of our own that needs no right.
  const lists = join(work, 'state', 'lists');
  const archives = join(work, 'cache', 'archives');
  for (const folder of [lists, archives]) mkdirSync(join(folder, 'partial'), { recursive: true });
  const own = [
    `Dir::State=${join(work, 'state')}`,
    `Dir::State::Lists=${lists}`,
    'Dir::State::Status=/var/lib/dpkg/status',
    `Dir::Cache=${join(work, 'cache')}`,
    `Dir::Cache::Archives=${archives}`,
  ].flatMap((option) => ['-o', option]);
  const update = run('apt-get', [...own, 'update'], { cwd: work });
  return update.ok ? run('apt-get', [...own, 'download', name], { cwd: work }) : update;
}

function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return run('sudo', ['-n', 'true']).ok ? ['sudo', '-n'] : undefined;
}
