import { fileURLToPath } from 'node:url';

/** The arguments for Node that start the command line of a package: of its build, which is what users run. */
export function commandLine(packageName: 'xks-proxy' | 'local-kms'): string[] {
  // The same from `src` and from `dist`.
  return [fileURLToPath(new URL(`../../../packages/${packageName}/dist/cli/main.js`, import.meta.url))];
}
