import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findModule } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { xksClient } from './client.ts';
import { type Mutant, mutants } from './mutants.ts';
import { createProxySetting, type ProxySetting } from './proxy-under-test.ts';
import { failingChecks } from './suite.ts';

const packageFolder = fileURLToPath(new URL('../../packages/xks-proxy', import.meta.url));
// Below node_modules, so that a copy finds what the original imports and nobody else finds the copy.
const workFolder = join(packageFolder, 'node_modules', '.cache', 'conformance');
const missing = findModule() === undefined;
const reason = missing ? ' (no PKCS#11 module: install SoftHSM2 or set PKCS11_MODULE)' : '';

describe.skipIf(missing)(`the conformance suite${reason}`, () => {
  let setting: ProxySetting | undefined;
  beforeAll(() => {
    setting = createProxySetting();
  });
  afterAll(() => {
    setting?.dispose();
    rmSync(workFolder, { recursive: true, force: true });
  });

  it('finds nothing in a copy without a fault', async () => {
    expect(await failingWith(copyOfSources('original'))).toEqual([]);
  });

  it.each(mutants)('finds a proxy that $name', async (mutant) => {
    const failing = await failingWith(mutate(copyOfSources('mutant'), mutant));
    expect(failing).toEqual(expect.arrayContaining([...mutant.killedBy]));
  });

  async function failingWith(sources: string): Promise<readonly string[]> {
    if (setting === undefined) throw new Error('there is no token');
    const proxy = await setting.start(sources);
    const client = xksClient(proxy.target);
    try {
      return await failingChecks(client);
    } finally {
      client.close();
      await proxy.stop();
    }
  }
});

function copyOfSources(name: string): string {
  const folder = join(workFolder, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const part of ['src', 'package.json']) {
    cpSync(join(packageFolder, part), join(folder, part), { recursive: true });
  }
  return join(folder, 'src');
}

function mutate(sources: string, { file, original, replacement }: Mutant): string {
  const path = join(sources, file);
  const parts = readFileSync(path, 'utf8').split(original);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times: ${original}`);
  writeFileSync(path, parts.join(replacement));
  return sources;
}
