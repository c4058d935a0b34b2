import { defineConfig } from 'vitest/config';

// Tests run the TypeScript sources: every package's `@holdfast/source` export condition points there.
const source = { conditions: ['@holdfast/source', 'node'] };
const packages = ['sdk', 'keyrings', 'pkcs11', 'xks-proxy', 'local-kms'];

const project = (name: string, include: string) => ({
  ssr: { resolve: source },
  test: {
    name,
    include: [include],
    setupFiles: ['./tools/vitest/fail-on-console.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});

export default defineConfig({
  test: {
    reporters: ['default', './tools/vitest/count-reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      ...packages.map((name) => project(name, `packages/${name}/test/**/*.test.ts`)),
      ...['interop', 'conformance', 'chain', 'vectors', 'fuzz', 'hygiene', 'runtimes', 'project'].map(
        (name) => project(name, `test/${name}/**/*.test.ts`),
      ),
    ],
  },
});
