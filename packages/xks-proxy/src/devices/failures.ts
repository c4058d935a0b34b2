import { Pkcs11Error, type Pkcs11ErrorCode } from '@holdfast/pkcs11';
import { XksException, type XksExceptionName } from '../xks-exception.ts';

/** The exception that answers a failure of a token. */
export function tokenException(error: unknown): XksException {
  // The reason of an aborted signal is such an exception already.
  if (error instanceof XksException) return error;
  const errorName = error instanceof Pkcs11Error ? ANSWERS[error.code][0] : 'InternalException';
  return new XksException(errorName, MESSAGES[errorName], { cause: error });
}

/** Whether a failure is about one key, and says nothing about the token. */
export function isKeyFailure(error: unknown): boolean {
  return subjectOf(error) === 'key';
}

/** Whether a failure says that the token does not work: it would fail for any key and any data. */
export function isOutage(error: unknown): boolean {
  return (
    subjectOf(error) === 'token' ||
    (error instanceof XksException && error.errorName === 'DependencyTimeoutException')
  );
}

/** Whether a failure says that the token works: it has answered about this key or this request. */
export function isSignOfLife(error: unknown): boolean {
  if (isRemembered(error)) return false;
  const subject = subjectOf(error);
  return subject === 'key' || subject === 'request';
}

/** Whether another token with the same keys may succeed: this one does not work, or has too much work. */
export function isWorthAnotherToken(error: unknown): boolean {
  return isOutage(error) || subjectOf(error) === 'load';
}

/** Whether a token has refused its PIN. If it were offered again and again, the token would lock itself. */
export function isPinRefusal(error: unknown): error is Pkcs11Error {
  return error instanceof Pkcs11Error && error.code.startsWith('PIN_') && !isWithoutPin(error);
}

/** Whether a token has no PIN yet, so that it has compared none. */
export function isWithoutPin(error: unknown): error is Pkcs11Error {
  return error instanceof Pkcs11Error && error.returnValue?.name === 'CKR_USER_PIN_NOT_INITIALIZED';
}

/** Whether a failure comes from the cached usages of a key: the token was not asked, so there is no return value. */
function isRemembered(error: unknown): boolean {
  const cause = tokenCause(error);
  return cause?.code === 'KEY_USAGE_FORBIDDEN' && cause.returnValue === undefined;
}

function subjectOf(error: unknown): Subject | undefined {
  const cause = tokenCause(error);
  return cause && ANSWERS[cause.code][1];
}

/** The error of the token, or of the PKCS#11 package. */
function tokenCause(error: unknown): Pkcs11Error | undefined {
  const cause = error instanceof XksException ? error.cause : undefined;
  return cause instanceof Pkcs11Error ? cause : undefined;
}

/** The subject of a failure. */
type Subject = 'token' | 'load' | 'key' | 'request';

const ANSWERS = {
  BINDING_UNAVAILABLE: ['InternalException', 'token'],
  MODULE_UNAVAILABLE: ['InternalException', 'token'],
  TOKEN_NOT_FOUND: ['InternalException', 'token'],
  TOKEN_AMBIGUOUS: ['InternalException', 'token'],
  TOKEN_EXISTS: ['InternalException', 'token'],
  TOKEN_UNAVAILABLE: ['InternalException', 'token'],
  PIN_INCORRECT: ['InternalException', 'token'],
  PIN_LOCKED: ['InternalException', 'token'],
  PIN_UNUSABLE: ['InternalException', 'token'],
  NOT_LOGGED_IN: ['InternalException', 'token'],
  SESSION_LOST: ['InternalException', 'token'],
  SESSIONS_EXHAUSTED: ['ThrottlingException', 'load'],
  KEY_NOT_FOUND: ['KeyNotFoundException', 'key'],
  KEY_AMBIGUOUS: ['InternalException', 'key'],
  KEY_EXISTS: ['InternalException', 'key'],
  KEY_UNSUITABLE: ['UnsupportedOperationException', 'key'],
  KEY_USAGE_FORBIDDEN: ['InvalidKeyUsageException', 'key'],
  DECRYPTION_FAILED: ['InvalidCiphertextException', 'request'],
  INPUT_REFUSED: ['InternalException', 'request'],
  MECHANISM_UNSUPPORTED: ['UnsupportedOperationException', 'request'],
  DEVICE_ERROR: ['InternalException', 'token'],
  CLOSED: ['InternalException', 'token'],
} as const satisfies Record<Pkcs11ErrorCode, readonly [XksExceptionName, Subject]>;

const MESSAGES = {
  InternalException: 'The external key manager failed.',
  ThrottlingException: 'The external key manager is busy.',
  KeyNotFoundException: 'The external key was not found.',
  UnsupportedOperationException: 'The external key manager does not support this operation with this key.',
  InvalidKeyUsageException: 'The external key does not support this operation.',
  InvalidCiphertextException:
    'The ciphertext, its metadata or the additional authenticated data is not valid for this key.',
} as const satisfies Record<(typeof ANSWERS)[Pkcs11ErrorCode][0], string>;
