import { type AesKey, Pkcs11Error, type Pkcs11ErrorCode, type Token } from '@holdfast/pkcs11';
import { XksException, type XksExceptionName } from '../errors.ts';
import type { DeviceCallOptions, DeviceKey, KeyDevice } from './key-device.ts';

/** A PKCS#11 token as a key device; every failure of the token becomes the answer KMS understands. */
export function pkcs11Device(name: string, token: Token): KeyDevice {
  const newIv = (options?: DeviceCallOptions) => token.randomBytes(IV_BYTES, options);
  return {
    name,
    key: (selector, options) => answered(async () => deviceKey(token.key(selector, options), newIv)),
    ping: (options) =>
      answered(async () => {
        await newIv(options);
      }),
  };
}

function deviceKey(key: AesKey, newIv: (options?: DeviceCallOptions) => Promise<Uint8Array>): DeviceKey {
  return {
    usages: key.usages,
    encrypt: ({ aad, plaintext }, options) =>
      answered(async () => {
        const iv = await newIv(options);
        return { iv, ...(await key.encrypt({ iv, aad, plaintext }, options)) };
      }),
    decrypt: (input, options) => answered(() => key.decrypt(input, options)),
  };
}

async function answered<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw tokenException(error);
  }
}

/** The exception that answers a failure of the token. */
export function tokenException(error: unknown): XksException {
  // The reason of an aborted signal is an answer already.
  if (error instanceof XksException) return error;
  const errorName = error instanceof Pkcs11Error ? EXCEPTIONS[error.code] : 'InternalException';
  return new XksException(errorName, MESSAGES[errorName], { cause: error });
}

/** Whether a failure is that of one key, and says nothing about the token. */
export function isKeyFailure(error: unknown): boolean {
  const cause = error instanceof XksException ? error.cause : undefined;
  return cause instanceof Pkcs11Error && cause.code.startsWith('KEY_');
}

const EXCEPTIONS = {
  BINDING_UNAVAILABLE: 'InternalException',
  MODULE_UNAVAILABLE: 'InternalException',
  TOKEN_NOT_FOUND: 'InternalException',
  TOKEN_AMBIGUOUS: 'InternalException',
  TOKEN_UNAVAILABLE: 'InternalException',
  PIN_INCORRECT: 'InternalException',
  PIN_LOCKED: 'InternalException',
  PIN_REFUSED: 'InternalException',
  NOT_LOGGED_IN: 'InternalException',
  SESSION_LOST: 'InternalException',
  SESSIONS_EXHAUSTED: 'ThrottlingException',
  KEY_NOT_FOUND: 'KeyNotFoundException',
  KEY_AMBIGUOUS: 'InternalException',
  KEY_EXISTS: 'InternalException',
  KEY_UNSUITABLE: 'UnsupportedOperationException',
  KEY_USAGE_FORBIDDEN: 'InvalidKeyUsageException',
  DECRYPTION_FAILED: 'InvalidCiphertextException',
  INPUT_REFUSED: 'InternalException',
  MECHANISM_UNSUPPORTED: 'UnsupportedOperationException',
  DEVICE_ERROR: 'InternalException',
  CLOSED: 'InternalException',
} as const satisfies Record<Pkcs11ErrorCode, XksExceptionName>;

const MESSAGES = {
  InternalException: 'The external key manager failed.',
  ThrottlingException: 'The external key manager is busy.',
  KeyNotFoundException: 'The external key was not found.',
  UnsupportedOperationException: 'The external key manager does not support this operation with this key.',
  InvalidKeyUsageException: 'The external key does not support this operation.',
  InvalidCiphertextException:
    'The ciphertext, its metadata or the additional authenticated data is not valid for this key.',
} as const satisfies Record<(typeof EXCEPTIONS)[Pkcs11ErrorCode], string>;

const IV_BYTES = 12;
