import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { isRecord } from '@holdfast/testbed/json';
import { expect, onTestFinished, test } from 'vitest';

/** A package with these files, which are empty. */
function packageWith(...files: readonly string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'holdfast-package-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  for (const name of ['src/inner', 'dist/inner', 'dist/bundle'])
    mkdirSync(join(directory, name), { recursive: true });
  for (const name of files) writeFileSync(join(directory, name), '');
  return directory;
}

const prepack = (cwd: string) =>
  spawnSync(process.execPath, [resolve('tools/prepack.mjs')], { cwd, encoding: 'utf8' });

/** The folders that `tsc -b tsconfig.build.json` builds. */
const BUILT = [...readFileSync('tsconfig.build.json', 'utf8').matchAll(/"path": "([^"]+)"/g)].map(
  ([, folder = '']) => folder,
);

test('a package is packed without what was compiled of sources that have gone, and with the licence', () => {
  const compiled = [
    'dist/a.js',
    'dist/a.d.ts',
    'dist/inner/b.js',
    'dist/inner/b.js.map',
    'dist/bundle/a.js',
    'dist/bundle/a.js.map',
    'dist/bundle/chunk-1.js',
    'dist/bundle/chunk-2.js',
    'dist/bundle/chunk-2.js.map',
  ];
  const stale = [
    'dist/.tsbuildinfo',
    'dist/c.js',
    'dist/c.d.ts',
    'dist/c.d.ts.map',
    'dist/inner/a.js.map',
    'dist/bundle/c.js',
    'dist/bundle/chunk-3.js',
    'dist/bundle/chunk-3.js.map',
  ];
  const directory = packageWith('src/a.ts', 'src/inner/b.ts', ...compiled, ...stale);
  writeFileSync(join(directory, 'dist/bundle/a.js'), 'import { b } from "./chunk-1.js";\n');
  writeFileSync(
    join(directory, 'dist/bundle/chunk-1.js'),
    'export const b = () => import("./chunk-2.js");\n',
  );
  expect(prepack(directory)).toMatchObject({ status: 0, stderr: '' });
  expect(compiled.filter((name) => !existsSync(join(directory, name)))).toEqual([]);
  expect(stale.filter((name) => existsSync(join(directory, name)))).toEqual([]);
  expect(readFileSync(join(directory, 'LICENSE'))).toEqual(readFileSync('LICENSE'));
});

test('a package that is not built is not packed', () => {
  const { status, stderr } = prepack(packageWith('src/a.ts', 'src/inner/b.ts', 'dist/a.js'));
  expect(status).toBe(1);
  expect(stderr).toContain('inner/b.js');
});

test.each(readdirSync('packages'))('%s is packed so', (name) => {
  expect(JSON.parse(readFileSync(`packages/${name}/package.json`, 'utf8'))).toMatchObject({
    scripts: { prepack: 'node ../../tools/prepack.mjs' },
  });
});

test.each(readdirSync('packages'))('no link in the documents of %s leaves the package', (name) => {
  const folder = join('packages', name);
  const manifest: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const files = isRecord(manifest) && Array.isArray(manifest['files']) ? manifest['files'].map(String) : [];
  const documents = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.md') && files.includes(file.split('/')[0] ?? ''),
  );
  expect(documents).toContain('README.md');
  // Where it is installed there is nothing around it.
  const leaving = documents.flatMap((file) =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(/\]\((?!https:|#)([^)#\s]+)/g)]
      .map(([, target = '']) => join(dirname(file), target))
      .filter((target) => !files.includes(target.split('/')[0] ?? '')),
  );
  expect(leaving).toEqual([]);
});

test.each(BUILT)('what was made of %s is made again when it is gone', (folder) => {
  // Inside the repository, so that the compiler finds what it finds there.
  const cache = 'node_modules/.cache';
  mkdirSync(cache, { recursive: true });
  const root = mkdtempSync(join(cache, 'build-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const project = join(root, folder);
  mkdirSync(join(project, 'src'), { recursive: true });
  for (const file of ['tsconfig.base.json', join(folder, 'tsconfig.json')]) cpSync(file, join(root, file));
  writeFileSync(join(project, 'a.ts'), 'export const a = 1;\n');
  cpSync(join(project, 'a.ts'), join(project, 'src/a.ts'));
  const build = () => spawnSync('node_modules/.bin/tsc', ['-b', project]);
  build();
  rmSync(join(project, 'dist'), { recursive: true });
  build();
  expect(existsSync(join(project, 'dist/a.js'))).toBe(true);
});
