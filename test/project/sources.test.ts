import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path';
import { isRecord } from '@holdfast/testbed/json';
import { describe, expect, test } from 'vitest';

/** Every file that is part of the repository, by name. */
const files = execFileSync('git', ['ls-files'], {
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(file));
const written = files.filter(
  (file) => !['package-lock.json', 'LICENSE', 'examples/orders.csv'].includes(file),
);
const packages = files.flatMap((file) => /^packages\/[^/]+(?=\/package\.json$)/.exec(file)?.[0] ?? []);

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw new TypeError('not a JSON object');
  return value;
}

const read = (file: string) => readFileSync(file, 'utf8');

test('no file has more than 400 lines', () => {
  const byHand = written.filter((file) => !file.startsWith('bench/results/'));
  const long = byHand.filter((file) => read(file).split('\n').length > 401);
  expect(long).toEqual([]);
});

test('no folder is named for what has no name', () => {
  const vague = /(^|\/)(common|helpers?|lib|misc|shared|types|utils?)\//;
  expect(files.filter((file) => vague.test(file))).toEqual([]);
});

test('no file holds a path of the machine that it was written on', () => {
  const local = /(?<![\w.~-])\/(home|root|Users|work|private)\/[\w.-]+/;
  expect(written.filter((file) => local.test(read(file)))).toEqual([]);
});

test('nothing is left for later in a comment', () => {
  const later = new RegExp(
    ['TO', 'DO'].join('') + '|' + ['FIX', 'ME'].join('') + '|' + ['XX', 'X\\b'].join(''),
  );
  expect(written.filter((file) => later.test(read(file)))).toEqual([]);
});

test('the sample file is what its program prints', () => {
  const printed = execFileSync(process.execPath, ['tools/sample.mjs']);
  expect(Buffer.compare(printed, readFileSync('examples/orders.csv'))).toBe(0);
});

test.each([
  ['SoftHSM2', 'tools/setup/module.mjs', 'packages/pkcs11/src/testing/softhsm.ts'],
  ['NSS softokn', 'tools/setup/test-packages.mjs', 'packages/pkcs11/src/testing/nss.ts'],
])('set-up and tests look for %s in the same places, in the same order', (_, setup, testing) => {
  const places = (file: string) =>
    [...read(file).matchAll(/'(\/(?:usr|opt)\/[^']*\.so)'/g)].map(([, path]) => path);
  expect(places(setup)).toEqual(places(testing));
  expect(places(setup)).not.toEqual([]);
});

/** The files of a path, in which a star stands for one name. */
const globbed = (path: string) => {
  const [start = '', end] = normalize(path).split('*');
  return files.filter((file) =>
    end === undefined ? file === start : file.startsWith(start) && file.endsWith(end),
  );
};

describe.each(packages)('%s', (folder) => {
  const manifest = record(JSON.parse(read(join(folder, 'package.json'))));

  test('has a source for every entry that it exports, and a build beside it', () => {
    for (const entry of Object.values(record(manifest['exports'])).filter(isRecord)) {
      const source = String(entry['@holdfast/source']);
      expect(globbed(join(folder, source))).not.toEqual([]);
      expect(entry['default']).toBe(source.replace('/src/', '/dist/').replace(/\.ts$/, '.js'));
      expect(entry['types']).toBe(source.replace('/src/', '/dist/').replace(/\.ts$/, '.d.ts'));
    }
  });

  test('has a source that starts with a shebang for every command', () => {
    const { bin = {} } = manifest;
    for (const command of Object.values(record(bin))) {
      const source = join(folder, String(command).replace('dist/', 'src/').replace(/\.js$/, '.ts'));
      expect(read(source)).toMatch(/^#!\/usr\/bin\/env node\n/);
    }
  });

  test('imports what it depends on, and depends on what it imports', () => {
    const imported = files
      .filter((file) => file.startsWith(join(folder, 'src/')))
      .flatMap((file) => [...read(file).matchAll(/from '((?:@[\w-]+\/)?[\w-]+)[^']*'/g)])
      .flatMap(([, name = '']) => (name === 'node' ? [] : [name]));
    const { dependencies = {}, peerDependencies = {} } = manifest;
    const declared = Object.keys({ ...record(dependencies), ...record(peerDependencies) });
    expect([...new Set(imported)].sort()).toEqual(declared.sort());
  });
});

test('every run-time dependency has a row in docs/dependencies.md, and every row is a dependency', () => {
  const used = packages.flatMap((folder) => {
    const { dependencies = {}, peerDependencies = {} } = record(
      JSON.parse(read(join(folder, 'package.json'))),
    );
    return Object.keys({ ...record(dependencies), ...record(peerDependencies) });
  });
  const foreign = new Set(used.filter((name) => !name.startsWith('@holdfast/')));
  const rows = read('docs/dependencies.md').matchAll(/^\| `([^`]+)`/gm);
  expect([...rows].map(([, name = '']) => name).sort()).toEqual([...foreign].sort());
});
