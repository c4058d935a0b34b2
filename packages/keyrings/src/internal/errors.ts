/**
 * Stable codes of {@link KeyringError}.
 *
 * - `BRANCH_KEY_CHANGED`: another writer changed the branch key first; nothing was written
 * - `BRANCH_KEY_EXISTS`: there is a branch key of that id already; nothing was written
 * - `BRANCH_KEY_INVALID`: the record of a branch key is malformed, or belongs to another key store or key
 * - `BRANCH_KEY_NOT_FOUND`: the key store has no such branch key or version
 * - `DATA_KEY_ALREADY_SET`: a generator, or a keyring asked to decrypt, got materials that have a data key
 * - `DATA_KEY_MISSING`: a multi-keyring without generator got materials without a data key
 * - `DATA_KEY_NOT_OPENED`: none of the encrypted data keys could be opened; the causes are in `cause`
 * - `KEY_SERVICE_ANSWER_INVALID`: the key service answered with another key, length or form than was asked for; or a
 *   keyring within another one did not wrap the data key, or changed more than it may
 * - `KEY_SERVICE_REFUSED`: the key service did not do what it was asked; its error is the `cause`
 * - `KEY_SERVICE_UNAVAILABLE`: the key service was not reached, also for want of a region or credentials, did not
 *   authenticate the caller, or could not do it at the time: the same call may succeed later. Says nothing about the data key
 */
export type KeyringErrorCode =
  | 'BRANCH_KEY_CHANGED'
  | 'BRANCH_KEY_EXISTS'
  | 'BRANCH_KEY_INVALID'
  | 'BRANCH_KEY_NOT_FOUND'
  | 'DATA_KEY_ALREADY_SET'
  | 'DATA_KEY_MISSING'
  | 'DATA_KEY_NOT_OPENED'
  | 'KEY_SERVICE_ANSWER_INVALID'
  | 'KEY_SERVICE_REFUSED'
  | 'KEY_SERVICE_UNAVAILABLE';

/** The services and devices that keyrings ask, as {@link KeyringError} names them. */
export type KeyService =
  | '@aws-crypto keyring'
  | 'AWS KMS'
  | 'Azure Key Vault'
  | 'branch key store'
  | 'Google Cloud KMS'
  | 'PKCS#11 token'
  | 'Vault transit';

/** Every failure of a keyring that is not a caller's mistake (those are `TypeError` and `RangeError`). */
export class KeyringError extends Error {
  override readonly name = 'KeyringError';
  readonly code: KeyringErrorCode;
  /** What failed, for the codes `KEY_SERVICE_…`. */
  declare readonly keyService?: KeyService;

  constructor(
    code: KeyringErrorCode,
    message: string,
    { keyService, ...options }: ErrorOptions & { readonly keyService?: KeyService | undefined } = {},
  ) {
    super(message, options);
    this.code = code;
    if (keyService !== undefined) this.keyService = keyService;
  }
}
