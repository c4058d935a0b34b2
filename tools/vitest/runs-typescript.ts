/**
 * The argument with which Node runs a TypeScript program of a test, and what was built of the packages that it imports.
 */
export const RUNS_TYPESCRIPT = `--import=${new URL('typescript.mjs', import.meta.url).href}`;
