import { fileURLToPath } from 'node:url';
import { build, type OutputFile } from 'esbuild';

/** What a bundler makes of a module. */
export interface Bundle {
  /** The module that is loaded at once, then what it loads when it needs it. */
  readonly files: readonly Uint8Array[];
  /** Paths of all modules in it, from the root of the repository. */
  readonly modules: readonly string[];
  /** What it imports from outside. */
  readonly imports: readonly string[];
}

/**
 * Bundles a module and all that it imports, as a bundler does for a user with the same conditions for `exports` and
 * `imports`, but from the sources.
 *
 * @param source text of the module, as if it lay in this folder
 * @param options `splitting`: what is imported dynamically becomes files of its own
 */
export async function bundle(
  source: string,
  conditions: readonly string[],
  { minify = false, splitting = false } = {},
): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: source, resolveDir: fileURLToPath(new URL('.', import.meta.url)), loader: 'ts' },
    absWorkingDir: ROOT,
    outdir: 'out',
    write: false,
    metafile: true,
    bundle: true,
    splitting,
    minify,
    format: 'esm',
    platform: 'neutral',
    target: 'es2022',
    conditions: ['@holdfast/source', ...conditions],
    external: [...CLIENTS, ...(conditions.includes('node') ? ['node:*'] : [])],
    logLevel: 'silent',
  });
  return {
    files: outputFiles.toSorted(entryFirst).map(({ contents }) => contents),
    modules: Object.keys(metafile.inputs),
    imports: Object.values(metafile.outputs).flatMap(({ imports }) =>
      imports.filter(({ external }) => external).map(({ path }) => path),
    ),
  };
}

function entryFirst(a: OutputFile, b: OutputFile): number {
  return Number(b.path.endsWith('/stdin.js')) - Number(a.path.endsWith('/stdin.js'));
}

/** Of key services, which are left to their own packages. */
const CLIENTS = ['@aws-crypto/*', '@aws-sdk/*'];
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
