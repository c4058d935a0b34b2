import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findModule } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/** Runs the set-up of a checkout; what it prints is split into lines. */
function setUp(
  root: string,
  environment: Readonly<Record<string, string>> = {},
  ...options: readonly string[]
) {
  const program = join(root, 'tools', 'setup.mjs');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...options], {
    encoding: 'utf8',
    // The module that these tests run with: a checkout of its own would get another one. And no runtimes.
    env: { ...process.env, PKCS11_MODULE: findModule(), CI: '', ...environment },
  });
  return { status, lines: `${stdout}${stderr}`.split('\n').filter((line) => line !== '') };
}

test('where nothing is missing, the set-up prints nothing', () => {
  // No npm: a checkout that is not ready fails here instead of being installed under the running tests.
  expect(setUp('.', { npm_execpath: '/nonexistent/npm-cli.js' })).toEqual({ status: 0, lines: [] });
});

describe('in a checkout of its own', { timeout: 120_000 }, () => {
  /** A small repository with the two real packages that the binding is made of, so that it needs no registry. */
  let root: string;
  const binding = () => join(root, 'pkcs11js', 'build', 'Release', 'pkcs11.node');
  const unfinished = () => join(root, '.setup', 'installing-packages');
  const write = (name: string, value: unknown) => writeFileSync(join(root, name), JSON.stringify(value));

  /** A folder with nothing in it but these programs, which are scripts. */
  function programs(name: string, scripts: Readonly<Record<string, string>> = {}): string {
    const folder = join(root, name);
    mkdirSync(folder);
    for (const [program, script] of Object.entries(scripts)) {
      writeFileSync(join(folder, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    }
    return folder;
  }

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'setup-test-'));
    const engines = { node: '>=20.19' };
    // As in the repository itself, the headers are for development alone.
    const workspaces = ['pkcs11js'];
    const devDependencies = { 'node-api-headers': 'file:node-api-headers' };
    const packages: Record<string, unknown> = { '': { name: 'checkout', workspaces, devDependencies } };
    for (const name of ['pkcs11js', 'node-api-headers']) {
      const dev = name in devDependencies;
      const source = join('node_modules', name);
      cpSync(source, join(root, name), {
        recursive: true,
        filter: (path) => !path.includes(join(source, 'build')),
      });
      writeFileSync(join(root, name, 'package.json'), JSON.stringify({ name, version: '1.0.0' }));
      packages[name] = { version: '1.0.0', dev };
      packages[`node_modules/${name}`] = { resolved: name, link: true, dev };
    }
    write('package.json', { name: 'checkout', private: true, workspaces, devDependencies, engines });
    write('package-lock.json', { name: 'checkout', lockfileVersion: 3, requires: true, packages });
    mkdirSync(join(root, 'tools'));
    cpSync('tools/setup.mjs', join(root, 'tools', 'setup.mjs'));
    cpSync('tools/setup', join(root, 'tools', 'setup'), { recursive: true });
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('packages and binding are put in place, one line a step, and then left alone', () => {
    const first = setUp(root, { NODE_ENV: 'production' });
    expect(first).toMatchObject({ status: 0 });
    expect(first.lines).toEqual([
      expect.stringMatching(/^set-up: installing packages .* \d+\.\d s$/),
      expect.stringMatching(/^set-up: building the PKCS#11 binding .* \d+\.\d s$/),
    ]);
    expect(setUp(root)).toEqual({ status: 0, lines: [] });
  });

  test('an installation that was interrupted is done again', () => {
    writeFileSync(unfinished(), '');
    expect(setUp(root).lines).toEqual([expect.stringMatching(/installing packages/)]);
    expect(existsSync(unfinished())).toBe(false);
  });

  test('a package that npm has noted with another version is installed again', () => {
    const file = join('node_modules', '.package-lock.json');
    const noted = readFileSync(join(root, file), 'utf8');
    writeFileSync(join(root, file), noted.replace('"version": "1.0.0"', '"version": "0.9.0"'));
    expect(setUp(root)).toMatchObject({ status: 0, lines: [expect.stringMatching(/installing packages/)] });
  });

  test('a package that has vanished is installed again', () => {
    rmSync(join(root, 'node_modules', 'node-api-headers'));
    expect(setUp(root)).toMatchObject({ status: 0, lines: [expect.stringMatching(/installing packages/)] });
  });

  test('an installation that fails is a line, a remedy, and a log; it is tried again', () => {
    writeFileSync(unfinished(), '');
    const failed = setUp(root, { npm_execpath: '/nonexistent/npm-cli.js' });
    expect(failed.status).toBe(1);
    expect(failed.lines).toHaveLength(3);
    expect(failed.lines.at(-1)).toContain('.setup/npm-ci.log');
    expect(readFileSync(join(root, '.setup', 'npm-ci.log'), 'utf8')).toContain('npm-cli.js');
    expect(setUp(root)).toMatchObject({ status: 0 });
  });

  test('without a compiler, a broken binding is a line and a remedy', () => {
    const tools = programs('no-compiler');
    symlinkSync(process.execPath, join(tools, 'node'));
    const whole = readFileSync(binding());
    writeFileSync(binding(), whole.subarray(0, 1000));
    const failed = setUp(root, { PATH: tools, CXX: '' });
    expect(failed.status).toBe(1);
    expect(failed.lines).toEqual([
      expect.stringContaining('no C++ compiler'),
      expect.stringContaining('apt-get install build-essential'),
    ]);
    writeFileSync(binding(), whole);
  });

  test('a compiler that fails leaves no binding behind', () => {
    const whole = readFileSync(binding());
    rmSync(binding());
    const failed = setUp(root, { CXX: process.execPath });
    expect(failed.status).toBe(1);
    expect(failed.lines.at(-1)).toContain('.setup/binding.log');
    expect(existsSync(binding())).toBe(false);
    writeFileSync(binding(), whole);
  });

  test('a PKCS11_MODULE that is no module is a line and a remedy', () => {
    const failed = setUp(root, { PKCS11_MODULE: join(root, 'package.json') });
    expect(failed.status).toBe(1);
    expect(failed.lines).toEqual([
      expect.stringContaining('PKCS11_MODULE'),
      expect.stringContaining('unset it'),
    ]);
  });

  test('what only tests want is not looked for without being asked, in CI neither', () => {
    expect(setUp(root, { CI: 'true', PATH: programs('nothing') })).toEqual({ status: 0, lines: [] });
  });

  test('what single tests want is tried once, and may be missing', () => {
    const PATH = programs('broken-apt', {
      'apt-get': '[ "$1" = --version ]',
      sudo: 'shift; exec "$@"',
      env: 'shift; exec "$@"',
      true: 'exit 0',
    });
    const first = setUp(root, { PATH }, '--tests');
    expect(first.status).toBe(0);
    expect(first.lines.join('\n')).toMatch(/^set-up: installing Redis/m);
    expect(setUp(root, { PATH }, '--tests')).toEqual({ status: 0, lines: [] });
  });

  test('in CI, a runtime to test on that cannot be installed is a line and a remedy', () => {
    const folder = join(root, '.setup', 'runtimes');
    // The packages are there: none are wanted.
    writeFileSync(join(root, 'tools/setup/runtimes/package-lock.json'), '{ "packages": {} }');
    mkdirSync(join(folder, 'node_modules'), { recursive: true });
    writeFileSync(join(folder, 'node_modules', '.package-lock.json'), '{ "packages": {} }');
    const failed = setUp(root, { CI: 'true', PATH: programs('no-chromium') }, '--tests');
    expect(failed.status).toBe(1);
    expect(failed.lines).toEqual([
      expect.stringContaining('Chromium'),
      expect.stringContaining('apt-get install chromium'),
    ]);
  });

  test('a Node that is too old is a line and a remedy', () => {
    const file = join(root, 'package.json');
    const before = readFileSync(file, 'utf8');
    writeFileSync(file, before.replace('>=20.19', '>=99.1'));
    const failed = setUp(root);
    expect(failed.status).toBe(1);
    expect(failed.lines).toEqual([expect.stringContaining('too old'), expect.stringContaining('99.1')]);
    writeFileSync(file, before);
  });
});
