import type { Pkcs11ErrorCode } from './error-codes.ts';
import { RETURN_VALUES, type ReturnValueName } from './return-values.ts';

/** What a PKCS#11 function returned; values outside the table are `CKR_VENDOR_DEFINED` with their number. */
export interface ReturnValue {
  readonly name: ReturnValueName;
  readonly value: number;
}

/** Every failure of this package that is not a mistake of the caller (those are TypeError and RangeError). */
export class Pkcs11Error extends Error {
  override readonly name = 'Pkcs11Error';
  readonly code: Pkcs11ErrorCode;
  /** Present when a PKCS#11 function failed. */
  declare readonly returnValue?: ReturnValue;

  constructor(
    code: Pkcs11ErrorCode,
    message: string,
    options: { cause?: unknown; returnValue?: ReturnValue } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    if (options.returnValue !== undefined) this.returnValue = options.returnValue;
  }
}

/**
 * Runs one PKCS#11 function and turns its failure into a Pkcs11Error.
 *
 * @param name the function, for the message, for example `C_Login`
 */
export function callCryptoki<T>(name: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw toPkcs11Error(name, cause);
  }
}

/**
 * Whether the sessions, login and handles that this package remembers may be out of date, so that the call deserves a
 * second try on a new session with a newly found key.
 */
export function isStale(error: unknown): boolean {
  return (
    error instanceof Pkcs11Error &&
    error.returnValue !== undefined &&
    ROWS.get(error.returnValue.value)?.stale === true
  );
}

/** Whether the token has no session left. */
export function isExhausted(error: unknown): boolean {
  return error instanceof Pkcs11Error && error.code === 'SESSIONS_EXHAUSTED';
}

/**
 * Returns the Pkcs11Error for what a PKCS#11 function threw, and anything else as it is.
 *
 * @param name as for `callCryptoki`
 */
export function toPkcs11Error(name: string, cause: unknown): unknown {
  const value = returnValueOf(cause);
  if (value === undefined) return cause;
  const row = ROWS.get(value);
  const returnValue = { name: row?.name ?? 'CKR_VENDOR_DEFINED', value } as const;
  const message = `${name} returned ${returnValue.name} (0x${value.toString(16)})`;
  return new Pkcs11Error(row?.code ?? 'DEVICE_ERROR', message, { cause, returnValue });
}

/** Returns undefined for an error that is not one of PKCS#11. */
function returnValueOf(cause: unknown): number | undefined {
  if (!(cause instanceof Error)) return undefined;
  if ('code' in cause) return typeof cause.code === 'number' && cause.code > 0 ? cause.code : undefined;
  // The native addon throws it like this; pkcs11js 2.1.7 makes it an error with a code everywhere but in C_FindObjects.
  const [, digits] = /^CKR_\w+:(\d+)/u.exec(cause.message) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

const ROWS = new Map(RETURN_VALUES.map((row) => [row.value, row]));
