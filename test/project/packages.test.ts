import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
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

test('a package is packed without what was compiled of sources that have gone, and with the licence', () => {
  const compiled = [
    'dist/a.js',
    'dist/a.d.ts',
    'dist/inner/b.js',
    'dist/inner/b.js.map',
    'dist/bundle/chunk-1.js',
  ];
  const stale = ['dist/c.js', 'dist/c.d.ts', 'dist/c.d.ts.map', 'dist/inner/a.js.map'];
  const directory = packageWith('src/a.ts', 'src/inner/b.ts', ...compiled, ...stale);
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

test('no script lets Turborepo tell anybody that it is run', () => {
  const before = [...readFileSync('package.json', 'utf8').matchAll(/"([^"]*)turbo run/g)].map(
    ([, text]) => text,
  );
  expect(new Set(before)).toEqual(new Set(['TURBO_TELEMETRY_DISABLED=1 ']));
});
