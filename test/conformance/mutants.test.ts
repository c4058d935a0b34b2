import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findModule } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CheckResult, runConformance } from '../../packages/xks-proxy/src/conformance/run.ts';
import type { Target } from '../../packages/xks-proxy/src/conformance/target.ts';
import { type Mutant, mutants } from './mutants.ts';
import { createProxySetting, type ProxySetting } from './proxy-under-test.ts';
import { variants } from './variants.ts';

const packageFolder = fileURLToPath(new URL('../../packages/xks-proxy', import.meta.url));
// Below node_modules, so that a copy finds what the original imports and nobody else finds the copy.
const workFolder = join(packageFolder, 'node_modules', '.cache', 'conformance');
const missing = findModule() === undefined;
const reason = missing ? ' (no PKCS#11 module: install SoftHSM2 or set PKCS11_MODULE)' : '';

describe.skipIf(missing)(`the conformance suite${reason}`, () => {
  let setting: ProxySetting | undefined;
  const processes: Awaited<ReturnType<ProxySetting['startCopies']>>[] = [];
  let targets: readonly Target[] = [];
  beforeAll(async () => {
    setting = await createProxySetting();
    const original = copySources('original');
    const folders = [...mutants, ...variants].map((change, index) =>
      changed(copySources(`copy-${index}`), change),
    );
    // All in one process would take longer to load than a proxy is given to start.
    for (let first = 0; first <= folders.length; first += COPIES_IN_A_PROCESS) {
      const part = [original, ...folders].slice(first, first + COPIES_IN_A_PROCESS);
      processes.push(await setting.startCopies(part));
    }
    targets = processes.flatMap((copies) => copies.targets);
  }, START_TIMEOUT_MS);
  afterAll(async () => {
    await Promise.all(processes.map((copies) => copies.stop()));
    setting?.dispose();
    rmSync(workFolder, { recursive: true, force: true });
  });

  it('finds nothing in a copy without a fault', async () => {
    expect(await failingWith(targets[0])).toEqual([]);
  });

  it.each(variants.map(({ name }, index) => [name, index] as const))(
    'finds nothing that a proxy must not do in one that %s',
    async (_name, index) => {
      expect(await failingWith(targets[1 + mutants.length + index], 'MUST')).toEqual([]);
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
      const failing = await failingWith(targets[index + 1]);
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

function copySources(name: string): string {
  const folder = join(workFolder, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const part of ['src', 'package.json']) {
    cpSync(join(packageFolder, part), join(folder, part), { recursive: true });
  }
  return join(folder, 'src');
}

function changed(sources: string, { file, original, replacement }: Omit<Mutant, 'killedBy'>): string {
  const path = join(sources, file);
  const parts = readFileSync(path, 'utf8').split(original);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times: ${original}`);
  writeFileSync(path, parts.join(replacement));
  return sources;
}

const COPIES_IN_A_PROCESS = 8;
const START_TIMEOUT_MS = 240_000;
const ALIVE = 'is active while the key manager serves';
