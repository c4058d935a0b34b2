import { RETURN_VALUES, type ReturnValueName } from './return-values.ts';

/**
 * Why a call failed, in terms of what the caller can do about it. Stable: programs may branch on it.
 *
 * | Code | Meaning |
 * | --- | --- |
 * | `BINDING_UNAVAILABLE` | the native addon of pkcs11js is not built for this machine |
 * | `MODULE_UNAVAILABLE` | the module file is absent, is no PKCS#11 module, or refuses to initialise |
 * | `TOKEN_NOT_FOUND`, `TOKEN_AMBIGUOUS` | no token, or more than one, has the label or serial number |
 * | `TOKEN_UNAVAILABLE` | the token was there and is gone, or cannot be written |
 * | `PIN_INCORRECT`, `PIN_LOCKED`, `PIN_REFUSED` | wrong; locked after too many attempts; not acceptable as a PIN |
 * | `NOT_LOGGED_IN` | the token wants a login that did not succeed or did not last |
 * | `SESSION_LOST`, `SESSIONS_EXHAUSTED` | the token dropped the session; it has none left, or too many calls wait for one |
 * | `KEY_NOT_FOUND`, `KEY_AMBIGUOUS`, `KEY_EXISTS` | no key, or more than one, matches; the label is taken |
 * | `KEY_UNSUITABLE` | the object is no AES-256 key, or no RSA key of 2048 bits, or the token does not use it so |
 * | `KEY_USAGE_FORBIDDEN` | the key's attributes do not permit the operation |
 * | `DECRYPTION_FAILED` | ciphertext, tag, IV, additional data, padding and key do not belong together |
 * | `INPUT_REFUSED` | the token does not accept the data, its length or an attribute |
 * | `MECHANISM_UNSUPPORTED` | the token does not offer the mechanism, or not with these parameters; the message names it |
 * | `DEVICE_ERROR` | the module or the device failed, or answered something it should not |
 * | `CLOSED` | the token or module was closed by this program |
 */
export type Pkcs11ErrorCode =
  | 'BINDING_UNAVAILABLE'
  | 'MODULE_UNAVAILABLE'
  | 'TOKEN_NOT_FOUND'
  | 'TOKEN_AMBIGUOUS'
  | 'TOKEN_UNAVAILABLE'
  | 'PIN_INCORRECT'
  | 'PIN_LOCKED'
  | 'PIN_REFUSED'
  | 'NOT_LOGGED_IN'
  | 'SESSION_LOST'
  | 'SESSIONS_EXHAUSTED'
  | 'KEY_NOT_FOUND'
  | 'KEY_AMBIGUOUS'
  | 'KEY_EXISTS'
  | 'KEY_UNSUITABLE'
  | 'KEY_USAGE_FORBIDDEN'
  | 'DECRYPTION_FAILED'
  | 'INPUT_REFUSED'
  | 'MECHANISM_UNSUPPORTED'
  | 'DEVICE_ERROR'
  | 'CLOSED';

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
  readonly returnValue?: ReturnValue;

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
export function attempt<T>(name: string, call: () => T): T {
  try {
    return call();
  } catch (cause) {
    throw returnedError(name, cause);
  }
}

/** As `attempt`, for a function that runs on the thread pool. */
export async function attemptAsync<T>(name: string, call: () => T | Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (cause) {
    throw returnedError(name, cause);
  }
}

/**
 * Whether what we remember about the token (sessions, login, handles) may be out of date, so that the call
 * deserves a second try on a new session with a newly found key.
 */
export function isStale(error: unknown): boolean {
  return (
    error instanceof Pkcs11Error &&
    error.returnValue !== undefined &&
    ROWS.get(error.returnValue.value)?.stale === true
  );
}

function returnedError(name: string, cause: unknown): unknown {
  if (!(cause instanceof Error && 'code' in cause && typeof cause.code === 'number' && cause.code > 0)) {
    return cause;
  }
  const row = ROWS.get(cause.code);
  const returnValue = { name: row?.name ?? 'CKR_VENDOR_DEFINED', value: cause.code } as const;
  const message = `${name} returned ${returnValue.name} (0x${cause.code.toString(16)})`;
  return new Pkcs11Error(row?.code ?? 'DEVICE_ERROR', message, { cause, returnValue });
}

const ROWS = new Map(RETURN_VALUES.map((row) => [row.value, row]));
