import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** @type {import('node:module').ResolveHook} */
export async function resolve(specifier, context, nextResolve) {
  const { url, ...resolved } = await nextResolve(specifier, context);
  return { ...resolved, url: url.replace(PACKAGE_SOURCE, '/packages/$<package>/dist/$<file>.js') };
}

/** @type {import('node:module').LoadHook} */
export async function load(url, context, nextLoad) {
  if (!TYPESCRIPT.test(url)) return nextLoad(url, context);
  const { transform } = await import('esbuild');
  const { code } = await transform(await readFile(fileURLToPath(url), 'utf8'), {
    loader: 'ts',
    sourcemap: 'inline',
  });
  return { format: 'module', source: code, shortCircuit: true };
}

const PACKAGE_SOURCE = /\/packages\/(?<package>[\w-]+)\/src\/(?<file>.+)\.ts$/;
const TYPESCRIPT = /\.m?ts$/;
