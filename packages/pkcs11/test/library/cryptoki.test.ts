import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type * as cryptoki from '../../src/library/cryptoki.ts';

const sources = fileURLToPath(new URL('../../src', import.meta.url));
let folder = '';
beforeAll(() => {
  // A copy of the sources in a folder where pkcs11js cannot be found.
  folder = mkdtempSync(join(tmpdir(), 'holdfast-pkcs11-'));
  cpSync(sources, folder, { recursive: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the error says, with a pkcs11js of this text; `undefined` for none. */
async function advice(text: string | undefined): Promise<unknown> {
  const installed = join(folder, 'node_modules/pkcs11js');
  if (text !== undefined) {
    mkdirSync(installed, { recursive: true });
    writeFileSync(join(installed, 'index.js'), text);
  }
  const copy: unknown = await import(pathToFileURL(join(folder, 'library/cryptoki.ts')).href);
  if (!isCryptoki(copy)) throw new Error('the copy exports something else');
  try {
    return copy.loadCryptoki('/any/module.so');
  } catch (error) {
    return error;
  } finally {
    rmSync(installed, { recursive: true, force: true });
  }
}

it.each([
  ['not installed', undefined, 'external'],
  ['not built', 'require("./build/Release/pkcs11.node")', 'npm rebuild pkcs11js'],
  ['built for another machine', 'throw new Error("invalid ELF header")', 'invalid ELF header'],
  ['something else', 'module.exports = {}', 'no PKCS11 class'],
])('a binding that is %s is told apart from the others', async (_, text, remedy) => {
  const error = await advice(text);
  expect(error).toMatchObject({ code: 'BINDING_UNAVAILABLE' });
  expect(String(error)).toContain(remedy);
});

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
