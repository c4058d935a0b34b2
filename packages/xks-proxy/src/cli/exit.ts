import { Pkcs11Error } from '@holdfast/pkcs11';
import { finding } from '../doctor/findings.ts';
import { systemError } from '../files/system-error.ts';
import { XksProxyError, type XksProxyErrorCode } from '../proxy-error.ts';

/** Exit statuses. 0: all is well, or the proxy was stopped. */
export const EXIT = { failed: 1, usage: 2, logLost: 3, pinRefused: 4 } as const;

/** Runs a command. An error of ours, or of the system, is printed on stderr, line by line, and sets the exit status. */
export async function runCommand(command: () => Promise<void>): Promise<void> {
  try {
    await command();
  } catch (thrown) {
    const error = systemError(thrown);
    if (!(error instanceof XksProxyError)) throw error;
    const remedy = pinRemedy(error);
    process.stderr.write(`${error.message}${remedy === undefined ? '' : `: ${remedy}`}\n`);
    process.exitCode = STATUSES[error.code] ?? EXIT.failed;
  }
}

/** Reports a mistake in the command line that the parser of options cannot find. */
export function usageError(message: string): void {
  process.stderr.write(`error: ${message}\n`);
  process.exitCode = EXIT.usage;
}

/** The remedy of the doctor for a refused PIN; undefined for any other error. */
function pinRemedy({ code, cause }: XksProxyError): string | undefined {
  if (code !== 'PIN_REFUSED') return undefined;
  const isLocked = cause instanceof Pkcs11Error && cause.code === 'PIN_LOCKED';
  return finding(isLocked ? 'pin-locked' : 'pin-refused', '', '').remedy;
}

const STATUSES: Partial<Record<XksProxyErrorCode, number>> = {
  CONFIG_INVALID: EXIT.usage,
  PIN_REFUSED: EXIT.pinRefused,
};
