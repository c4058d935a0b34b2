import { Pkcs11Error, type Pkcs11ErrorCode } from '../src/index.ts';

/** Returns the code with which a call fails; undefined if it succeeds. Errors of other packages pass through. */
export function errorCode(call: () => unknown): Pkcs11ErrorCode | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (error instanceof Pkcs11Error) return error.code;
    throw error;
  }
}
