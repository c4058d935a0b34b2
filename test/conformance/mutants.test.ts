import { readFileSync } from 'node:fs';
import { findModule } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CheckResult, runConformance } from '../../packages/xks-proxy/src/conformance/run.ts';
import type { Target } from '../../packages/xks-proxy/src/conformance/target.ts';
import { type Copies, copyProxy } from './copies.ts';
import { mutants } from './mutants.ts';
import { createProxySetting, type ProxySetting } from './proxy-under-test.ts';
import { variants } from './variants.ts';

const missing = findModule() === undefined;
const reason = missing ? ' (no PKCS#11 module: install SoftHSM2 or set PKCS11_MODULE)' : '';

describe.skipIf(missing)(`the conformance suite${reason}`, () => {
  let setting: ProxySetting | undefined;
  let copies: Copies | undefined;
  let proxies: Awaited<ReturnType<ProxySetting['startCopies']>> | undefined;
  beforeAll(async () => {
    setting = await createProxySetting();
    copies = await copyProxy([...mutants, ...variants]);
    proxies = await setting.startCopies(copies.files);
  });
  afterAll(async () => {
    await proxies?.stop();
    setting?.dispose();
    copies?.dispose();
  });
  const target = (index: number) => proxies?.targets[index];

  it('finds nothing in a copy without a fault', async () => {
    expect(await failingWith(target(0))).toEqual([]);
  });

  it.each(variants.map(({ name }, index) => [name, index] as const))(
    'finds nothing that a proxy must not do in one that %s',
    async (_name, index) => {
      expect(await failingWith(target(1 + mutants.length + index), 'MUST')).toEqual([]);
    },
  );

  it('has every fault and what finds it in the table of its README', () => {
    const rows = mutants.map(({ name, killedBy }) => `| ${name} | ${killedBy.join('; ')} |`);
    const document = readFileSync(new URL('README.md', import.meta.url), 'utf8');
    expect(document.split('\n').filter((line) => /^\| (?!fault|---)/.test(line))).toEqual(rows);
  });

  it.each(mutants.map((mutant, index) => [mutant.name, mutant, index] as const))(
    'finds a proxy that %s',
    async (_name, { killedBy }, index) => {
      const failing = await failingWith(target(1 + index));
      expect(failing).toEqual(expect.arrayContaining([...killedBy]));
      // It is found for its fault, and not for being broken altogether.
      expect(failing).not.toContain(ALIVE);
    },
  );
});

/** The names of the checks that fail against a proxy, of all or of one level. */
async function failingWith(
  target: Target | undefined,
  of?: CheckResult['level'],
): Promise<readonly string[]> {
  if (target === undefined) throw new Error('the proxy did not start');
  const results = await runConformance(target);
  // A target with everything leaves no check undone.
  expect(results.filter(({ outcome }) => outcome === 'not run')).toEqual([]);
  return results
    .filter(({ outcome, level }) => outcome === 'fail' && (of ?? level) === level)
    .map(({ name }) => name);
}

const ALIVE = 'is active while the key manager serves';
