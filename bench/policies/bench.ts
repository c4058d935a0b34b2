import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import * as z from 'zod';
import { type Figure, record } from '../figures.ts';

/** What a decision of the local KMS costs, by a key policy of three statements and an identity policy with conditions. */
export async function benchPolicies(): Promise<void> {
  // Plain JavaScript, as it is shipped: the loader that runs this file gives every inner function a name by a call.
  await build({
    entryPoints: [fileURLToPath(new URL('decisions-child.ts', import.meta.url))],
    outdir: fileURLToPath(new URL('dist', import.meta.url)),
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  });
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD]);
  const roundsUs = z.array(z.number()).min(1).parse(JSON.parse(stdout));
  const [fastest = Number.NaN, median = Number.NaN] = [roundsUs[0], roundsUs[roundsUs.length >> 1]];
  const figure: Figure = {
    title: 'processor time of a policy decision, in µs',
    wanted: `≤ ${MAX_US}`,
    reached: Number(median.toPrecision(2)),
    isMet: median <= MAX_US,
    detail: `median of ${roundsUs.length} rounds; the fastest ${fastest.toPrecision(2)}`,
  };
  console.log(`${figure.title}: ${figure.reached} (${figure.detail})`);
  record('policies', NAME, [figure], [NAME]);
}

const CHILD = fileURLToPath(new URL('dist/decisions-child.js', import.meta.url));
const NAME = 'decision';
const MAX_US = 10;
