import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { RUNS_TYPESCRIPT } from '../../tools/vitest/runs-typescript.ts';

/**
 * Starts a program, which may collect garbage when it likes to. It is ended with the test.
 *
 * @param environment what it finds in `process.env` besides ours
 */
export function startChild(
  program: URL,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): ChildProcess {
  const options = ['--no-warnings', '--expose-gc', RUNS_TYPESCRIPT];
  const child = spawn(process.execPath, [...options, fileURLToPath(program), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  onTestFinished(() => void child.kill());
  return child;
}
