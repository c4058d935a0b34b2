import { fileURLToPath } from 'node:url';

// Under a test this file runs as it is; after `tsc -b` it runs one folder deeper.
const fromSource = import.meta.url.endsWith('.ts');

/** The file that is encrypted when none is named. */
export const SAMPLE_FILE = fileURLToPath(
  new URL(fromSource ? '../orders.csv' : '../../orders.csv', import.meta.url),
);
