import { KmsException } from '../kms-exception.ts';
import { LocalKmsError } from '../local-kms-error.ts';

/** What the exit status says. 0: all is well, or the KMS was stopped. */
export const EXIT = { failed: 1, usage: 2, recordLost: 3, denied: 4 } as const;

/** Reports an error in one line on stderr and by the exit status. Throws an unforeseen error again, with its stack. */
export function report(error: unknown): void {
  // Node throws a RangeError for an impossible port, and `explain` a KmsException for a key that does not exist.
  const isUsage = error instanceof RangeError || error instanceof KmsException;
  if (!isUsage && !(error instanceof LocalKmsError) && !isSystemError(error)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = isUsage ? EXIT.usage : EXIT.failed;
}

/** Such as that a port is taken, or a disk full. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error;
}
