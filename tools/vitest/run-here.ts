import { vi } from 'vitest';

/** What a run of a command line printed, and its exit status. */
export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command line in this process, which is as if it had no terminal. One at a time, since a process has one output and
 * one exit status.
 *
 * @param program what runs it: told all of `process.argv`
 */
export async function runHere(
  program: (argv: readonly string[]) => Promise<void>,
  ...args: readonly string[]
): Promise<CommandResult> {
  const output = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      output[name] += String(text);
      return true;
    }),
  );
  try {
    await program(['node', 'program', ...args]);
    return { status: Number(process.exitCode ?? 0), ...output };
  } finally {
    for (const spy of spies) spy.mockRestore();
    process.exitCode = undefined;
  }
}
