import { cpSync, mkdtempSync, rmSync } from 'node:fs';
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
