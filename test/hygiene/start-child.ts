import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { RUNS_TYPESCRIPT } from '../../tools/vitest/runs-typescript.ts';

interface ChildOptions {
  /** What it finds in `process.env` besides ours. */
  readonly environment?: NodeJS.ProcessEnv;
  /** For `exports` and `imports` of packages, besides those of Node. */
  readonly conditions?: readonly string[];
}

/**
 * Starts a program, which may collect garbage when it likes to, and has to do so often: memory that is let go of in one
 * thread while another collects stays as it is for longest. It is ended with the test.
 */
export function startChild(
  program: URL,
  args: readonly string[],
  { environment = {}, conditions = [] }: ChildOptions = {},
): ChildProcess {
  const more = conditions.map((condition) => `--conditions=${condition}`);
  const options = ['--no-warnings', '--expose-gc', '--max-semi-space-size=1', ...more, RUNS_TYPESCRIPT];
  const child = spawn(process.execPath, [...options, fileURLToPath(program), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  });
  onTestFinished(() => void child.kill());
  return child;
}
