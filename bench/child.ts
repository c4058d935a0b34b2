import { execFile } from 'node:child_process';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

/**
 * Runs a program of a bench in a process of its own, and answers what it printed. Once compiled, it is plain JavaScript as
 * that of the packages: the loader that runs this file has memory of its own, and gives every inner function a name by a call.
 *
 * @param program the URL of its TypeScript file
 */
export async function runChild(program: URL, ...args: readonly string[]): Promise<string> {
  const source = fileURLToPath(program);
  const outdir = join(dirname(source), 'dist');
  const compiled = COMPILED.get(source) ?? compile(source, outdir);
  COMPILED.set(source, compiled);
  await compiled;
  const script = join(outdir, basename(source).replace(/\.ts$/, '.js'));
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], {
    maxBuffer: MAX_OUTPUT_BYTES,
  });
  return stdout;
}

async function compile(source: string, outdir: string): Promise<void> {
  await build({
    entryPoints: [source],
    outdir,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    splitting: true,
    logLevel: 'error',
  });
}

const COMPILED = new Map<string, Promise<void>>();
const MAX_OUTPUT_BYTES = 2 ** 26;
