/** Why the state of a KMS cannot be opened, kept or restored. Answers to clients are `KmsException`s instead. */
export type LocalKmsErrorCode =
  | 'PACKAGE_MISSING'
  | 'SECRET_WRONG'
  | 'STATE_CORRUPT'
  | 'STATE_EXISTS'
  | 'STATE_IN_USE'
  | 'STATE_MISSING'
  | 'STATE_OF_OTHER_ACCOUNT'
  | 'STATE_OF_OTHER_VERSION'
  | 'STORE_UNAVAILABLE'
  | 'TOKEN_UNAVAILABLE';

/** An error with the state of a KMS; `code` is stable, the message is for a person and holds nothing secret. */
export class LocalKmsError extends Error {
  override readonly name = 'LocalKmsError';
  readonly code: LocalKmsErrorCode;

  constructor(code: LocalKmsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
