import { KmsException } from '../kms-exception.ts';
import { LocalKmsError } from '../local-kms-error.ts';

/** What the exit status says. 0: all is well, or the KMS was stopped. */
export const EXIT = { failed: 1, usage: 2, recordLost: 3, denied: 4 } as const;

/** Tells of an error in one line on stderr, and by the exit status. What nobody foresaw is thrown on, with its stack. */
export function report(error: unknown): void {
  // Node has a RangeError for a port that there cannot be, and `explain` an exception for a key that there is not.
  const isUsage = error instanceof RangeError || error instanceof KmsException;
  if (!isUsage && !(error instanceof LocalKmsError) && !isSystemError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = isUsage ? EXIT.usage : EXIT.failed;
}

/** Such as that a port is taken, or a disk full. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}
