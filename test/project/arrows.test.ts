import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import * as z from 'zod';

const OF_TOKEN_KEYRING = ['@holdfast/sdk/spi', '@holdfast/pkcs11', '@aws-sdk/client-kms', 'node:fs'] as const;

/** What the linter lets a source file import, of all that some file may not. */
const ARROWS = {
  'packages/sdk/src/any.ts': [],
  'packages/sdk/src/crypto/node-any.ts': ['node:fs'],
  'packages/sdk/src/crypto/web-any.ts': ['@noble/hashes/sha2.js'],
  'packages/sdk/src/frame-thread.ts': ['node:fs'],
  'packages/sdk/src/node.ts': ['node:fs'],
  'packages/sdk/src/workers.ts': ['node:fs'],
  'packages/sdk/src/workers/any.ts': ['node:fs'],
  'packages/keyrings/src/any.ts': ['@holdfast/sdk/spi', '@aws-sdk/client-kms', 'node:fs'],
  'packages/keyrings/src/pkcs11.ts': OF_TOKEN_KEYRING,
  'packages/keyrings/src/internal/pkcs11/any.ts': OF_TOKEN_KEYRING,
  'packages/pkcs11/src/any.ts': ['node:fs', 'pkcs11js'],
  'packages/xks-proxy/src/any.ts': ['@holdfast/pkcs11', 'node:fs'],
  'packages/local-kms/src/any.ts': ['node:fs', '@noble/hashes/sha2.js'],
  'packages/local-kms/src/protection/token.ts': ['@holdfast/pkcs11', 'node:fs', '@noble/hashes/sha2.js'],
  'tools/testbed/src/any.ts': [
    '@holdfast/pkcs11',
    '@holdfast/pkcs11/testing',
    '@aws-sdk/client-kms',
    'node:fs',
    'pkcs11js',
    '@noble/hashes/sha2.js',
  ],
} as const;

const IMPORTS = [
  '@holdfast/sdk',
  '@holdfast/sdk/spi',
  '@holdfast/sdk/node',
  '@holdfast/keyrings',
  '@holdfast/keyrings/raw-aes',
  '@holdfast/pkcs11',
  '@holdfast/pkcs11/testing',
  '@holdfast/xks-proxy',
  '@holdfast/local-kms',
  '@holdfast/testbed/certificates',
  '@aws-sdk/client-kms',
  'node:fs',
  'pkcs11js',
  '@noble/hashes/sha2.js',
] as const;

/** In every file, after those: the forms of a call that no file may make. */
const SYNCHRONOUS_KEY_PAIRS = [
  "import { generateKeyPairSync } from 'node:crypto';",
  "import * as crypto from 'node:crypto';",
  "(await import('node:crypto')).generateKeyPairSync('x25519');",
] as const;
/** Files that may import all but that. */
const OTHERS = ['bench/any.ts', 'packages/sdk/test/any.test.ts', 'test/any.ts', 'tools/any.mjs'] as const;

const REPORT = z.object({
  diagnostics: z.array(
    z.object({
      code: z.string(),
      filename: z.string(),
      labels: z.array(z.object({ span: z.object({ line: z.number() }) })),
    }),
  ),
});

const root = mkdtempSync(join(tmpdir(), 'holdfast-arrows-'));
afterAll(() => rmSync(root, { recursive: true }));

/** The lines that the linter finds fault with, as `file:line`. */
let refused: ReadonlySet<string>;

beforeAll(() => {
  cpSync('.oxlintrc.json', join(root, '.oxlintrc.json'));
  const text = IMPORTS.map((name) => `export * from '${name}';\n`).join('');
  for (const file of [...Object.keys(ARROWS), ...OTHERS]) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), `${text}${SYNCHRONOUS_KEY_PAIRS.join('\n')}\n`);
  }
  const oxlint = resolve('node_modules/.bin/oxlint');
  const { stdout } = spawnSync(oxlint, ['--format', 'json'], { cwd: root, encoding: 'utf8' });
  const { diagnostics } = REPORT.parse(JSON.parse(stdout));
  const lines = diagnostics
    .filter(({ code }) => /no-restricted-(?:imports|properties)/.test(code))
    .flatMap(({ filename, labels }) => labels.map(({ span }) => `${filename}:${span.line}`));
  refused = new Set(lines);
});

test.each(Object.entries(ARROWS))('%s imports nothing but what it may', (file, allowed) => {
  expect(IMPORTS.filter((_, index) => !refused.has(`${file}:${index + 1}`))).toEqual(allowed);
});

test.each([...Object.keys(ARROWS), ...OTHERS])('%s does not make key pairs synchronously', (file) => {
  const lines = SYNCHRONOUS_KEY_PAIRS.map((_, index) => `${file}:${IMPORTS.length + index + 1}`);
  expect(lines.filter((line) => !refused.has(line))).toEqual([]);
});

test.each(OTHERS)('%s imports all else', (file) => {
  expect(IMPORTS.filter((_, index) => refused.has(`${file}:${index + 1}`))).toEqual([]);
});
