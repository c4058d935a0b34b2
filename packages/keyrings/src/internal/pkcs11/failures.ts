import type { Pkcs11ErrorCode } from '@holdfast/pkcs11';
import { KeyringError } from '../errors.ts';
import { callKeyService, type KeyServiceFailures } from '../key-service.ts';

/**
 * Makes a call of the token, and resolves to what the call resolves to.
 *
 * @throws KeyringError `DATA_KEY_NOT_OPENED` if what was to be decrypted does not belong to the key;
 * `KEY_SERVICE_UNAVAILABLE` if the token could not be asked; `KEY_SERVICE_REFUSED` if the token refused
 */
export async function askToken<T>(call: () => Promise<T>): Promise<T> {
  return callKeyService(PKCS11_FAILURES, async () => {
    try {
      return await call();
    } catch (cause) {
      if (meaningOf(cause) !== 'not opened') throw cause;
      throw new KeyringError('DATA_KEY_NOT_OPENED', 'the key, context or encrypted data key is another', {
        cause,
      });
    }
  });
}

const PKCS11_FAILURES: KeyServiceFailures = {
  keyService: 'PKCS#11 token',
  isOutage: (error) => meaningOf(error) === 'outage',
};

/** Judges an error by its code: it may come from another copy of the package. */
function meaningOf(error: unknown): (typeof MEANINGS)[Pkcs11ErrorCode] | undefined {
  if (!(error instanceof Error && 'code' in error)) return undefined;
  return isCode(error.code) ? MEANINGS[error.code] : undefined;
}

function isCode(code: unknown): code is Pkcs11ErrorCode {
  return typeof code === 'string' && Object.hasOwn(MEANINGS, code);
}

/** A token at which no login succeeds says nothing about a data key, so that this too is an outage. */
const MEANINGS = {
  BINDING_UNAVAILABLE: 'outage',
  MODULE_UNAVAILABLE: 'outage',
  TOKEN_NOT_FOUND: 'outage',
  TOKEN_AMBIGUOUS: 'outage',
  TOKEN_EXISTS: 'outage',
  TOKEN_UNAVAILABLE: 'outage',
  PIN_INCORRECT: 'outage',
  PIN_LOCKED: 'outage',
  PIN_UNUSABLE: 'outage',
  NOT_LOGGED_IN: 'outage',
  SESSION_LOST: 'outage',
  SESSIONS_EXHAUSTED: 'outage',
  KEY_NOT_FOUND: 'refusal',
  KEY_AMBIGUOUS: 'refusal',
  KEY_EXISTS: 'refusal',
  KEY_UNSUITABLE: 'refusal',
  KEY_USAGE_FORBIDDEN: 'refusal',
  DECRYPTION_FAILED: 'not opened',
  INPUT_REFUSED: 'refusal',
  MECHANISM_UNSUPPORTED: 'refusal',
  DEVICE_ERROR: 'outage',
  CLOSED: 'outage',
} as const satisfies Record<Pkcs11ErrorCode, 'outage' | 'refusal' | 'not opened'>;
