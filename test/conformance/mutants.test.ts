import { readFileSync } from 'node:fs';
import { findModule } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { xksClient } from '../../packages/xks-proxy/src/conformance/client.ts';
import { type CheckResult, runConformance } from '../../packages/xks-proxy/src/conformance/run.ts';
import { conformanceChecks } from '../../packages/xks-proxy/src/conformance/suite.ts';
import { NotRun, type Target } from '../../packages/xks-proxy/src/conformance/target.ts';
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
  const target = (index: number) => proxies?.targets[index] ?? expect.unreachable('it did not start');

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
      // It is found for its fault, and not for being broken altogether.
      expect(await failingOf([...killedBy, ALIVE], target(1 + index))).toEqual([...killedBy].sort());
    },
  );
});

/** The names of all checks, or of those of one level, that fail against a proxy. */
async function failingWith(target: Target, of?: CheckResult['level']): Promise<readonly string[]> {
  const results = await runConformance(target);
  // A target with everything leaves no check undone.
  expect(results.filter(({ outcome }) => outcome === 'not run')).toEqual([]);
  return results
    .filter(({ outcome, level }) => outcome === 'fail' && (of ?? level) === level)
    .map(({ name }) => name);
}

/** Which of these checks fail against a proxy, by their names in order. */
async function failingOf(names: readonly string[], target: Target): Promise<readonly string[]> {
  const failing: string[] = [];
  for (const { name, run } of conformanceChecks.filter((check) => names.includes(check.name))) {
    const client = xksClient(target);
    await run(client)
      .catch((error: unknown) => {
        if (error instanceof NotRun) throw error;
        failing.push(name);
      })
      .finally(() => client.close());
  }
  return failing.sort();
}

const ALIVE = 'is active while the key manager serves';
