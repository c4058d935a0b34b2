// Packs every package, and compiles a program that calls each function of each entry as a stranger would: by the packed
// types alone, which are checked too, without the DOM, and with declarations, for which every type has to have a name.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const NAMES = readdirSync('packages');
const OPTIONS = {
  target: 'es2022',
  lib: ['es2022', 'esnext.disposable'],
  module: 'nodenext',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  declaration: true,
  outDir: 'out',
};

/** The packages as npm packs and installs them. What they depend on is found in the repository, which is around the folder. */
function install(folder) {
  const workspaces = NAMES.flatMap((name) => ['--workspace', `packages/${name}`]);
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder, ...workspaces]);
  for (const archive of readdirSync(folder)) {
    const [, name] = /^holdfast-(.+)-\d+\.\d+\.\d+\.tgz$/.exec(archive) ?? [];
    const installed = join(folder, 'node_modules/@holdfast', name);
    mkdirSync(installed, { recursive: true });
    execFileSync('tar', ['-xzf', join(folder, archive), '-C', installed, '--strip-components', '1']);
  }
}

/** What a package can be imported as, the subpaths that a pattern stands for included. */
function entries(folder, name) {
  const root = join(folder, 'node_modules/@holdfast', name);
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const files = readdirSync(join(root, 'dist')).filter((file) => file.endsWith('.d.ts'));
  const subpaths = Object.keys(exports)
    .filter((subpath) => exports[subpath] !== null)
    .flatMap((subpath) =>
      subpath === './*' ? files.map((file) => `./${file.slice(0, -'.d.ts'.length)}`) : [subpath],
    );
  return subpaths.map((subpath) => join('@holdfast', name, subpath));
}

/** A module that calls each function of an entry. What a call returns is left for the compiler to name. */
async function callsOf(folder, entry) {
  // Asked from within the folder, where the packed package is the one that is found.
  const loader = pathToFileURL(join(folder, 'load.mjs')).href;
  const { load } = await import(loader);
  const names = Object.entries(await load(entry))
    .filter(([, value]) => typeof value === 'function' && !/^class\b/.test(String(value)))
    .map(([name]) => name);
  const calls = names.map(
    (name) =>
      `export const ${name} = (...options: Parameters<typeof entry.${name}>) => entry.${name}(...options);\n`,
  );
  return `import * as entry from '${entry}';\nexport type Entry = typeof entry;\n${calls.join('')}`;
}

// Inside the repository, so that the compiler finds there what the packages depend on, and outside of its node_modules,
// in which it gives no type a name.
mkdirSync('.setup', { recursive: true });
const folder = resolve(mkdtempSync('.setup/consumer-'));
try {
  install(folder);
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(folder, 'load.mjs'), 'export const load = (entry) => import(entry);\n');
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: OPTIONS }));
  for (const entry of NAMES.flatMap((name) => entries(folder, name))) {
    writeFileSync(join(folder, `${entry.replace(/\W/g, '_')}.ts`), await callsOf(folder, entry));
  }
  const { status } = spawnSync('node_modules/.bin/tsc', ['-p', folder], { stdio: 'inherit' });
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}
