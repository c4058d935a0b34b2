import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { output } from './process.ts';

// Node finds, reads and links every file of a package on its own: what it gets is bundled into a few.
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-shipped-'));
  const args = ['run', '--silent', 'bundle', '--workspace', '@holdfast/sdk', '--', `--outdir=${folder}`];
  await promisify(execFile)('npm', args);
  writeFileSync(join(folder, 'main.mjs'), MAIN);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const map = z.record(z.string(), z.string());
const manifest = z
  .object({
    scripts: z.object({ bundle: z.string() }),
    exports: z.record(z.string(), map),
    imports: z.object({ '#crypto': z.looseObject({ '@holdfast/source': map, types: z.string() }) }),
  })
  .parse(JSON.parse(readFileSync('packages/sdk/package.json', 'utf8')));

test('Node gets few files, in which all entries are of one piece', async () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.js'));
  // One for each entry, the thread's, and what they share.
  expect(files.length).toBeLessThan(3 * Object.keys(manifest.exports).length + 2);
  expect(await output(process.execPath, [join(folder, 'main.mjs')])).toBe('42 anchors\n');
});

test('every entry is bundled for Node, and for Node alone', () => {
  for (const { '@holdfast/source': source = '', types: _, ...shipped } of Object.values(manifest.exports)) {
    const [, name = ''] = /^\.\/src\/(.+)\.ts$/.exec(source) ?? [];
    expect(manifest.scripts.bundle.split(' ')).toContain(`src/${name}.ts`);
    const whole = `./dist/${name}.js`;
    const bundled = `./dist/bundle/${name}.js`;
    // Threads are of no use to a page.
    const browser = name === 'workers' ? {} : { browser: whole };
    expect(shipped).toEqual({ ...browser, deno: whole, node: bundled, default: whole });
  }
});

test('what is shipped chooses the provider by the same conditions as the sources, in the same order', () => {
  const { '@holdfast/source': sources, types: _, ...shipped } = manifest.imports['#crypto'];
  const asSources = Object.entries(map.parse(shipped)).map(([condition, file]) => [
    condition,
    file.replace('/dist/', '/src/').replace('.js', '.ts'),
  ]);
  expect(asSources).toEqual(Object.entries(sources));
});

/** A keyring that wraps nothing, a message through the stream of one entry, and an error of another. */
const MAIN = `
import { EncryptionSdkError, encryptionClient } from './index.js';
import { duplex } from './node.js';
import { defaultCmm, randomBytes } from './spi.js';
const dataKey = randomBytes(32);
const encryptedDataKeys = [{ providerId: 'none', providerInfo: new Uint8Array(0), ciphertext: new Uint8Array(1) }];
const cmm = defaultCmm({
  onEncrypt: async (materials) => ({ ...materials, encryptedDataKeys, dataKey: dataKey.slice() }),
  onDecrypt: async (materials) => ({ ...materials, dataKey: dataKey.slice() }),
});
const client = encryptionClient();
const { message } = await client.encrypt(Buffer.from('42 anchors'), { cmm });
const stream = duplex(client.decryptor({ cmm }));
stream.end(message);
let text = '';
for await (const chunk of stream) text += chunk;
const failure = await client.decrypt(message.subarray(1), { cmm }).catch((error) => error);
console.log(failure instanceof EncryptionSdkError ? text : failure);
`;
