/** Why the state of a KMS cannot be opened, kept or restored. Answers to clients are `KmsError`s instead. */
export type LocalKmsErrorCode =
  /** An optional package that the choice of store or protection needs is not installed. */
  | 'PACKAGE_MISSING'
  /** The passphrase, or the key in the token, is not the one that the state is kept under. */
  | 'SECRET_WRONG'
  /** What is kept is of another account than the one asked for. */
  | 'STATE_OF_OTHER_ACCOUNT'
  /** What is kept has been changed, or parts of it are missing. */
  | 'STATE_CORRUPT'
  /** There is something already where a backup was to be restored. */
  | 'STATE_EXISTS'
  /** Another process works with the state. */
  | 'STATE_IN_USE'
  /** There is nothing to back up. */
  | 'STATE_MISSING'
  /** What is kept was written by another version of this package. */
  | 'STATE_OF_OTHER_VERSION'
  /** The disk or the database refuses. */
  | 'STORE_UNAVAILABLE'
  /** The token that protects the state, or its key, cannot be used. */
  | 'TOKEN_UNAVAILABLE';

/** Thrown where a KMS keeps its state; `code` is stable, the message is for a person and holds nothing secret. */
export class LocalKmsError extends Error {
  override readonly name = 'LocalKmsError';
  readonly code: LocalKmsErrorCode;

  constructor(code: LocalKmsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
