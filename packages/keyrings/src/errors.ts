/**
 * Stable codes of {@link KeyringError}.
 *
 * - `DATA_KEY_ALREADY_SET`: a generator, or a keyring asked to decrypt, got materials that have a data key
 * - `DATA_KEY_MISSING`: a multi-keyring without generator got materials without a data key
 * - `DATA_KEY_NOT_OPENED`: none of the encrypted data keys could be opened; the causes are in `cause`
 * - `KEY_SERVICE_FAILED`: the key service refused or did not answer; its error is the `cause`
 * - `KEY_SERVICE_ANSWER_INVALID`: the key service answered with another key, length or form than was asked for
 */
export type KeyringErrorCode =
  | 'DATA_KEY_ALREADY_SET'
  | 'DATA_KEY_MISSING'
  | 'DATA_KEY_NOT_OPENED'
  | 'KEY_SERVICE_ANSWER_INVALID'
  | 'KEY_SERVICE_FAILED';

/** Every failure of a keyring that is not a caller's mistake (those are `TypeError` and `RangeError`). */
export class KeyringError extends Error {
  override readonly name = 'KeyringError';
  readonly code: KeyringErrorCode;

  constructor(code: KeyringErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** No encrypted data key opened; `causes` has one error for each that was tried. */
export function dataKeyNotOpened(causes: readonly unknown[]): KeyringError {
  return new KeyringError('DATA_KEY_NOT_OPENED', 'no encrypted data key could be opened', {
    cause: new AggregateError(causes, `${causes.length} encrypted data keys were tried`),
  });
}
