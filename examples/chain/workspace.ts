import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// Under a test this file runs as it is; after `tsc -b` it runs one folder deeper.
const fromSource = import.meta.url.endsWith('.ts');
const root = join(dirname(fileURLToPath(import.meta.url)), fromSource ? '../..' : '../../..');

/** The file that is encrypted when none is named. */
export const SAMPLE_FILE = join(root, 'examples', 'orders.csv');

/** The arguments for Node that start the command line of a package: of its build, which is what users run. */
export function commandLine(packageName: 'xks-proxy' | 'local-kms'): string[] {
  return [join(root, 'packages', packageName, 'dist', 'cli', 'main.js')];
}
