import { readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { bundle } from './bundle.ts';
import { RUNTIMES } from './runtimes.ts';

/** What pages import, in the order of the table in the README of the SDK. */
const PAGES = [
  "export { decryptionClient } from '@holdfast/sdk';",
  `export { decryptionClient, EncryptionSdkError, transformStream } from '@holdfast/sdk';
  export { rawAesKeyring } from '@holdfast/keyrings/raw-aes';`,
  "export * from '@holdfast/sdk';",
] as const;
const web = ['browser'];

/** Kibibytes that a page transfers for each file, the first of which it loads at once. */
async function transferredKiB(page: string, { splitting }: { splitting: boolean }): Promise<number[]> {
  const { files } = await bundle(page, web, { minify: true, splitting });
  return files.map((file) => gzipSync(file, { level: 9 }).length / 1024);
}

test('a client that only decrypts has less than 25 KiB in one file, AES in software and all', async () => {
  const files = await transferredKiB(PAGES[0], { splitting: false });
  expect(files).toHaveLength(1);
  expect(files[0]).toBeLessThan(25);
});

test('with streams and a keyring such a page loads less than 25 KiB, and AES in software when it needs it', async () => {
  const files = await transferredKiB(PAGES[1], { splitting: true });
  expect(files).toHaveLength(2);
  expect(files[0]).toBeLessThan(25);
});

test('the README tells the sizes of bundles, to one kibibyte', async () => {
  const rows = readFileSync('packages/sdk/README.md', 'utf8').match(/^\|.*( [\d.]+ KiB \|){3}$/gm) ?? [];
  const told = rows.map((row) => [...row.matchAll(/ ([\d.]+) KiB/g)].map(([, figure]) => Number(figure)));
  expect(told).toHaveLength(PAGES.length);
  for (const [index, page] of PAGES.entries()) {
    const [inOneFile = 0] = await transferredKiB(page, { splitting: false });
    const [atOnce = 0, later = 0] = await transferredKiB(page, { splitting: true });
    for (const [column, size] of [inOneFile, atOnce, later].entries()) {
      expect(Math.abs(size - (told[index]?.[column] ?? 0))).toBeLessThan(1);
    }
  }
});

test('a web bundle needs nothing of Node, nor anything that takes its place', async () => {
  const { files, imports, modules } = await bundle("export * from '@holdfast/sdk'", web);
  expect(imports).toEqual([]);
  expect(modules.filter((path) => !/^(?:<stdin>|packages\/sdk\/|node_modules\/@noble\/)/.test(path))).toEqual(
    [],
  );
  expect(files.map((file) => new TextDecoder().decode(file)).join()).not.toMatch(/\bBuffer\b/);
});

test('the README of the keyrings tells which of them a page can load', async () => {
  const rows = readFileSync('packages/keyrings/README.md', 'utf8').match(/^\| \[`.* (yes|no) \|$/gm) ?? [];
  const told = rows.flatMap((row) =>
    [...row.matchAll(/\[`([\w-]+)`\]/g)].map(([, name = '']) => [name, row.endsWith(' yes |')] as const),
  );
  const pages = readdirSync('packages/keyrings/docs').map((file) => file.replace('.md', ''));
  expect(new Set([...told.map(([name]) => name), 'branch-key-store'])).toEqual(new Set(pages));
  for (const [name, isTold] of told) {
    const bundling = bundle(`export * from '@holdfast/keyrings/${name}'`, web);
    const isLoadable = await bundling.then(
      ({ files }) => !/\bBuffer\b/.test(new TextDecoder().decode(files[0])),
      () => false,
    );
    expect({ [name]: isLoadable }).toEqual({ [name]: isTold });
  }
});

test('on Node, the SDK needs modules of Node and no package', async () => {
  const { imports, modules } = await bundle("export * from '@holdfast/sdk'", ['node']);
  expect(imports).toContain('node:crypto');
  expect(imports.filter((path) => !path.startsWith('node:'))).toEqual([]);
  expect(modules.filter((path) => path.includes('node_modules'))).toEqual([]);
});

test.each(Object.entries(RUNTIMES))('%s gets one provider of cryptography', async (name, { conditions }) => {
  const { modules } = await bundle("export * from '@holdfast/sdk'", conditions);
  const providers = modules.filter((path) => /crypto\/(?:node|web)\.ts$/.test(path));
  const expected = /^(?:this Node|Node \d+|Bun)$/.test(name) ? 'node' : 'web';
  expect(providers).toEqual([`packages/sdk/src/crypto/${expected}.ts`]);
});
