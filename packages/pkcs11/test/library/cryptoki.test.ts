import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type * as cryptoki from '../../src/library/cryptoki.ts';

const sources = fileURLToPath(new URL('../../src', import.meta.url));
let folder = '';
beforeAll(() => {
  // A copy of the sources in a folder where pkcs11js cannot be found.
  folder = mkdtempSync(join(tmpdir(), 'holdfast-pkcs11-'));
  cpSync(sources, folder, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the error says, with a pkcs11js of this text, and an addon beside it; `undefined` for none. */
async function advice(text: string | undefined, addon?: Buffer): Promise<unknown> {
  const installed = join(folder, 'node_modules/pkcs11js');
  if (text !== undefined) {
    mkdirSync(installed, { recursive: true });
    writeFileSync(join(installed, 'index.js'), text);
    if (addon !== undefined) writeFileSync(join(installed, 'pkcs11.node'), addon);
  }
  const copy: unknown = await import(pathToFileURL(join(folder, 'library/cryptoki.ts')).href);
  if (!isCryptoki(copy)) throw new Error('the copy exports something else');
  try {
    return copy.loadCryptoki('/any/module.so');
  } catch (error) {
    return error;
  } finally {
    // What was loaded without an error would be returned again.
    delete createRequire(import.meta.url).cache[join(installed, 'index.js')];
    rmSync(installed, { recursive: true, force: true });
  }
}

it.each([
  ['not installed', undefined, 'npm ci'],
  ['in a bundle', undefined, 'external'],
  ['not built', 'require("./build/Release/pkcs11.node")', 'npm rebuild pkcs11js'],
  ['something else', 'module.exports = {}', 'no PKCS11 class'],
  ['broken in another way', 'throw new Error("no dice")', 'no dice'],
])('a binding that is %s is told apart from the others', async (_, text, remedy) => {
  const error = await advice(text);
  expect(error).toMatchObject({ code: 'BINDING_UNAVAILABLE' });
  expect(String(error)).toContain(remedy);
});

describe('an addon that the system does not load', () => {
  const REBUILD = 'npm rebuild pkcs11js';
  it.each<[kind: string, change: (addon: Buffer) => Buffer, remedies: readonly string[]]>([
    // ELF: e_machine, here AArch64 or x86-64, whichever this machine is not.
    ['of another processor', (addon) => withMachine(addon, process.arch === 'arm64' ? 62 : 183), [REBUILD]],
    ['of another system', () => Buffer.from('MZ'.padEnd(4096)), [REBUILD]],
    ['that was cut off', (addon) => addon.subarray(0, 100), [REBUILD]],
    ['of another C library', (addon) => renamed(addon, 'libc.so.6', 'libc.so.9'), [REBUILD, 'C library']],
    ['of a newer C library', (addon) => renamed(addon, 'GLIBC_2.', 'GLIBC_9.'), [REBUILD, 'C library']],
    [
      'without a library that it needs',
      (addon) => renamed(addon, 'libstdc++.so.6', 'libstdxxx.so.6'),
      ['install libstdxxx.so.6'],
    ],
  ])('has its own remedy when it is one %s', async (_, change, remedies) => {
    const addon = change(readFileSync(createRequire(import.meta.url).resolve(ADDON)));
    const error = await advice('module.exports = require("./pkcs11.node")', addon);
    expect(error).toMatchObject({ code: 'BINDING_UNAVAILABLE', cause: { code: 'ERR_DLOPEN_FAILED' } });
    for (const remedy of remedies) expect(String(error)).toContain(remedy);
    expect(String(error).includes(REBUILD)).toBe(remedies.includes(REBUILD));
  });

  it.each([
    [
      "Module 'a.node' was compiled against a different Node.js version using\nNODE_MODULE_VERSION 93.",
      'npm rebuild',
    ],
    [
      'Error loading shared library libstdc++.so.6: No such file or directory (needed by a.node)',
      'install libstdc++.so.6',
    ],
    [
      'Error loading shared library ld-linux-x86-64.so.2: No such file or directory (needed by a.node)',
      'npm rebuild',
    ],
    ['Error relocating a.node: __memcpy_chk: symbol not found', 'npm rebuild'],
    ['a.node: cannot open shared object file: Permission denied', 'noexec'],
    ['a.node: failed to map segment from shared object', 'noexec'],
  ])('has its own remedy, also where this machine has no such system: %s', async (message, remedy) => {
    const thrown = `Object.assign(new Error(${JSON.stringify(message)}), { code: 'ERR_DLOPEN_FAILED' })`;
    const error = String(await advice(`throw ${thrown}`));
    expect(error).toContain(remedy);
    expect(error).toContain(message.slice(0, 12));
  });
});

function withMachine(addon: Buffer, machine: number): Buffer {
  addon.writeUInt16LE(machine, 18);
  return addon;
}

/** An addon with another name of the same length in its tables. */
function renamed(addon: Buffer, from: string, to: string): Buffer {
  expect([addon.includes(from), to.length]).toEqual([true, from.length]);
  return Buffer.from(addon.toString('latin1').replaceAll(from, to), 'latin1');
}

it('a missing native binding is an error of its own, at the first use and not at import', async () => {
  const copy: unknown = await import(pathToFileURL(join(folder, 'library/cryptoki.ts')).href);
  if (!isCryptoki(copy)) throw new Error('the copy exports something else');
  expect(() => copy.loadCryptoki('/any/module.so')).toThrow(
    expect.objectContaining({ name: 'Pkcs11Error', code: 'BINDING_UNAVAILABLE' }),
  );
});

function isCryptoki(value: unknown): value is typeof cryptoki {
  return typeof value === 'object' && value !== null && 'loadCryptoki' in value;
}

const ADDON = 'pkcs11js/build/Release/pkcs11.node';
