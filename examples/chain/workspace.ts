import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

// Under a test this file runs as it is; after `tsc -b` it runs one folder deeper, with every package built.
const fromSource = import.meta.url.endsWith('.ts');
const root = join(dirname(fileURLToPath(import.meta.url)), fromSource ? '../..' : '../../..');

const TYPESCRIPT_IN_THREADS = join(root, 'tools', 'vitest', 'typescript-threads.mjs');

/** The file that is encrypted when none is named. */
export const SAMPLE_FILE = join(root, 'examples', 'orders.csv');

/** What runs of a package: its sources, or what `npm run build` made of them, which is what users run. */
export type Program = 'sources' | 'build';

/** The arguments for Node that start the command line of a package: of its sources under a test, else of its build. */
export function commandLine(
  packageName: 'xks-proxy' | 'local-kms',
  program: Program = fromSource ? 'sources' : 'build',
): string[] {
  const folder = join(root, 'packages', packageName);
  if (program === 'build') return [join(folder, 'dist', 'cli', 'main.js')];
  return [...sourceLoaders(), join(folder, 'src', 'cli', 'main.ts')];
}

/** The arguments for Node with which it runs sources, in its threads too. */
export function sourceLoaders(): string[] {
  const loaders = [createRequire(import.meta.url).resolve('tsx'), TYPESCRIPT_IN_THREADS];
  return [
    ...loaders.map((loader) => `--import=${pathToFileURL(loader).href}`),
    '--conditions=@holdfast/source',
  ];
}
