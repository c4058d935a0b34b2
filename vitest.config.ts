import { defineConfig } from 'vitest/config';
import { RUNS_TYPESCRIPT } from './tools/vitest/runs-typescript.ts';

const packages = ['sdk', 'keyrings', 'pkcs11', 'xks-proxy', 'local-kms'];

// Tests run the TypeScript sources: every package's `@holdfast/source` export condition points there.
const project = (name: string, include: string, ...conditions: string[]) => ({
  ssr: { resolve: { conditions: ['@holdfast/source', ...conditions] } },
  test: {
    name,
    include: [include],
    setupFiles: ['./tools/vitest/fail-on-console.ts'],
    execArgv: [RUNS_TYPESCRIPT],
    testTimeout: 30_000,
    expect: { poll: { timeout: 10_000 } },
    hookTimeout: 60_000,
  },
});

export default defineConfig({
  test: {
    globalSetup: './tools/vitest/build.ts',
    reporters: ['default', './tools/vitest/count-reporter.ts'],
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      ...packages.map((name) => project(name, `packages/${name}/test/**/*.test.ts`)),
      project('testbed', 'tools/testbed/test/**/*.test.ts'),
      // Tests of packages once more, with the cryptography that browsers get.
      project(
        'web-provider',
        '{packages/keyrings/test/{raw-aes,multi},packages/sdk/test/spi,test/web-provider/*}.test.ts',
        'browser',
      ),
      ...[
        'interop',
        'conformance',
        'chain',
        'vectors',
        'fuzz',
        'faults',
        'load',
        'hygiene',
        'probes',
        'runtimes',
        'documents',
        'project',
      ].map((name) => project(name, `test/${name}/**/*.test.ts`)),
    ],
  },
});
