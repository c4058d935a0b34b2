/** What the exit status says. 0: all is well, or the KMS was stopped. */
export const EXIT = { startFailed: 1, usage: 2, recordLost: 3 } as const;

/** What is told of an error: one line, without a stack. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
