import { readFileSync } from 'node:fs';

/** What is in a file that an option names. Throws RangeError, as for any other value that cannot be used. */
export function optionFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw unusableFile(cause);
  }
}

/** The same as text, of UTF-8. */
export function optionText(path: string): string {
  return optionFile(path).toString('utf8');
}

/** The mistake in a command line that names a file with this error. */
export function unusableFile(cause: unknown): RangeError {
  return new RangeError(cause instanceof Error ? cause.message : String(cause), { cause });
}
