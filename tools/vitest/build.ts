import { spawnSync } from 'node:child_process';
import type { TestProject } from 'vitest/node';

/**
 * Builds what has changed, before the tests and before each further run of them: processes and threads that a test starts
 * run the build, which is what users run.
 */
export function setup(project: TestProject): void {
  build();
  project.onTestsRerun(build);
}

/** Sources with the wrong types are told, and built all the same: a test may show what is wrong with them. */
function build(): void {
  run('node_modules/.bin/tsc', '-b', 'tsconfig.build.json');
  run('npm', 'run', '--silent', 'bundle', '--workspace', '@holdfast/sdk');
}

function run(program: string, ...args: readonly string[]): void {
  const { error } = spawnSync(program, args, { stdio: 'inherit' });
  if (error) throw error;
}
