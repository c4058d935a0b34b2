import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import type { SideName } from './operations.ts';

/** MiB that a process had in use at most, which did one case by one side and nothing else. */
export async function peakMemory(
  caseName: string,
  side: Exclude<SideName, 'floor'>,
  messagePath: string,
): Promise<number> {
  await (compiled ??= compile());
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, caseName, side, messagePath]);
  return Number(stdout);
}

/** Plain JavaScript: a loader that compiles on the way has memory of its own. */
async function compile(): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('peak-memory-child.ts', import.meta.url))],
    outdir: fileURLToPath(new URL('dist', import.meta.url)),
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    splitting: true,
    logLevel: 'error',
  });
}

let compiled: Promise<void> | undefined;
const CHILD = fileURLToPath(new URL('dist/peak-memory-child.js', import.meta.url));
