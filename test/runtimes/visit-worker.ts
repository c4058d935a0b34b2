import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { bundle } from './bundle.ts';
import { RUNTIMES, WORKERD } from './runtimes.ts';
import { withWorker } from './workerd.ts';

/** A worker, and of which day the Web is that it is to be like. */
export interface TestWorker {
  /** TypeScript, which is bundled as `contract.mjs`. */
  readonly contract: string;
  /** JavaScript of the worker beside it. */
  readonly main: string;
  readonly compatibilityDate?: string;
}

/** Serves a worker while `visit` asks it for pages, and answers as `withWorker`; skips the test where there is no workerd. */
export async function visitWorker(
  skip: (isMissing: boolean, note: string) => void,
  { contract, main, compatibilityDate }: TestWorker,
  visit: Parameters<typeof withWorker>[2],
): Promise<string> {
  const { workerd = expect.unreachable() } = RUNTIMES;
  skip(!workerd.isInstalled() && process.env['CI'] !== 'true', 'workerd is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-worker-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [module] = (await bundle(contract, workerd.conditions)).files;
  writeFileSync(join(folder, 'contract.mjs'), module ?? expect.unreachable());
  writeFileSync(join(folder, 'main.mjs'), main);
  return withWorker(WORKERD, folder, visit, compatibilityDate);
}
