/**
 * Stable codes of {@link EncryptionSdkError}.
 *
 * - `BUFFER_LIMIT_EXCEEDED`: a frame, or a signed message, is longer than may be held back until it has verified
 * - `COMMITMENT_POLICY_VIOLATED`: the algorithm suite is not allowed by the client's commitment policy
 * - `DECRYPTION_FAILED`: the message did not open; on purpose the same for a wrong key, a changed header,
 *   frame, commitment or signature
 * - `ENCRYPTION_CONTEXT_INVALID`: the encryption context breaks a limit or uses a reserved key
 * - `ENCRYPTION_CONTEXT_MISMATCH`: the reproduced encryption context is incomplete or differs from the message
 * - `FRAME_LIMIT_EXCEEDED`: the plaintext needs more than 2^32 - 1 frames of the chosen length
 * - `KEYRING_FAILED`: no data key could be made or wrapped, or materials were not loaded in time
 * - `MATERIALS_INVALID`: a keyring or CMM returned materials that break its contract
 * - `MESSAGE_INCOMPLETE`: the message ends too early
 * - `MESSAGE_MALFORMED`: the bytes are no message of a known format
 * - `PLAINTEXT_TOO_LONG`: more plaintext came than the caller had announced
 * - `SIGNED_MESSAGE_REFUSED`: the message is signed, and the caller takes unsigned ones only
 * - `SUITE_UNSUPPORTED`: the message names an algorithm suite that is not one of the Encryption SDK's
 * - `TOO_MANY_ENCRYPTED_DATA_KEYS`: more encrypted data keys than the client allows
 * - `WORKERS_FAILED`: a worker thread died or could not be started, or its pool was closed, while it had a part of the message
 */
export type EncryptionSdkErrorCode =
  | 'BUFFER_LIMIT_EXCEEDED'
  | 'COMMITMENT_POLICY_VIOLATED'
  | 'DECRYPTION_FAILED'
  | 'ENCRYPTION_CONTEXT_INVALID'
  | 'ENCRYPTION_CONTEXT_MISMATCH'
  | 'FRAME_LIMIT_EXCEEDED'
  | 'KEYRING_FAILED'
  | 'MATERIALS_INVALID'
  | 'MESSAGE_INCOMPLETE'
  | 'MESSAGE_MALFORMED'
  | 'PLAINTEXT_TOO_LONG'
  | 'SIGNED_MESSAGE_REFUSED'
  | 'SUITE_UNSUPPORTED'
  | 'TOO_MANY_ENCRYPTED_DATA_KEYS'
  | 'WORKERS_FAILED';

/** Every failure of this package that is not a caller's mistake (those are `TypeError` and `RangeError`). */
export class EncryptionSdkError extends Error {
  override readonly name = 'EncryptionSdkError';
  readonly code: EncryptionSdkErrorCode;

  constructor(code: EncryptionSdkErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The one error for everything that fails to authenticate: it does not say which check failed. */
export function decryptionFailed(options?: ErrorOptions): EncryptionSdkError {
  return new EncryptionSdkError('DECRYPTION_FAILED', 'the message could not be decrypted', options);
}

/** The error for bytes that are no message of a known format. */
export function malformed(reason: string): EncryptionSdkError {
  return new EncryptionSdkError('MESSAGE_MALFORMED', `malformed message: ${reason}`);
}
