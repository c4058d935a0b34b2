import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Mutant } from './mutants.ts';

/** Copies of the proxy, each of them one file. */
export interface Copies {
  /** Their files, in the order of the changes; the first is the proxy as it is. */
  readonly files: readonly string[];
  dispose(): void;
}

/** Makes a copy of the proxy as it is, and one for each change. Rejects where a change does not fit the sources. */
export async function copyProxy(changes: readonly Omit<Mutant, 'killedBy'>[]): Promise<Copies> {
  rmSync(WORK_FOLDER, { recursive: true, force: true });
  mkdirSync(WORK_FOLDER, { recursive: true });
  // A proxy reads its version there.
  cpSync(join(PACKAGE_FOLDER, 'package.json'), join(WORK_FOLDER, 'package.json'));
  const files = [undefined, ...changes].map(async (change, index) => {
    const file = join(WORK_FOLDER, 'copies', `${index}.mjs`);
    await copyTo(file, change);
    return file;
  });
  return {
    files: await Promise.all(files),
    dispose: () => rmSync(WORK_FOLDER, { recursive: true, force: true }),
  };
}

async function copyTo(outfile: string, change: Omit<Mutant, 'killedBy'> | undefined): Promise<void> {
  await build({
    entryPoints: [join(SOURCES, 'index.ts')],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'silent',
    plugins: [
      {
        name: 'change',
        setup(build) {
          build.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            if (change === undefined || path !== join(SOURCES, change.file)) return undefined;
            return { contents: changed(path, change), loader: 'ts' };
          });
        },
      },
    ],
  });
}

function changed(path: string, { file, original, replacement }: Omit<Mutant, 'killedBy'>): string {
  const parts = readFileSync(path, 'utf8').split(original);
  if (parts.length !== 2) throw new Error(`${file} holds ${parts.length - 1} times: ${original}`);
  return parts.join(replacement);
}

const PACKAGE_FOLDER = fileURLToPath(new URL('../../packages/xks-proxy', import.meta.url));
const SOURCES = join(PACKAGE_FOLDER, 'src');
// Below node_modules, so that a copy finds what the original imports and nobody else finds the copy.
const WORK_FOLDER = join(PACKAGE_FOLDER, 'node_modules', '.cache', 'conformance');
