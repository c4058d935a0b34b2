import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bundle } from './bundle.ts';
import { RUNTIMES } from './runtimes.ts';

test('the example for browsers prints in Chromium what it prints on Node', { timeout: 150_000 }, async ({
  skip,
}) => {
  const { Chromium: chromium = expect.unreachable() } = RUNTIMES;
  skip(!chromium.isInstalled() && process.env['CI'] !== 'true', 'Chromium is not installed');
  const text = readFileSync('packages/sdk/docs/examples.md', 'utf8');
  const example = /^## Browsers$[^]*?^```ts\n((?:import .*\n)+)([^]*?)^```\n\n```text\n([^]*?)\n```$/m;
  const [, imports, body, output] = example.exec(text) ?? expect.unreachable();
  const page = `${imports}
    export async function report() {
      const lines = [];
      const console = { log: (...values) => lines.push(values.join(' ')) };
      ${body}
      return lines.join('\\n');
    }`;
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-example-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [module] = (await bundle(page, chromium.conditions)).files;
  writeFileSync(join(folder, 'contract.mjs'), module ?? expect.unreachable());
  await expect(chromium.run(folder)).resolves.toBe(output);
});
