/** Every error a proxy may answer with, and its HTTP status (XKS API v1, "Error codes"). */
export const EXCEPTION_STATUS = {
  ValidationException: 400,
  InvalidStateException: 400,
  InvalidCiphertextException: 400,
  InvalidKeyUsageException: 400,
  AuthenticationFailedException: 401,
  AccessDeniedException: 403,
  KeyNotFoundException: 404,
  InvalidUriPathException: 404,
  ThrottlingException: 429,
  InternalException: 500,
  UnsupportedOperationException: 501,
  DependencyTimeoutException: 503,
} as const satisfies Record<string, number>;

/** The name of an error, as `errorName` carries it. */
export type XksExceptionName = keyof typeof EXCEPTION_STATUS;

/**
 * An answer other than success. The message becomes `errorMessage` and reaches KMS and the caller's
 * CloudWatch: fixed printable ASCII under 512 characters, never a value from a request or a token.
 * `reason` and `cause` are for the operator's log alone.
 */
export class XksException extends Error {
  override readonly name = 'XksException';
  readonly errorName: XksExceptionName;
  readonly reason: string | undefined;

  constructor(
    errorName: XksExceptionName,
    errorMessage: string,
    options?: { reason?: string; cause?: unknown },
  ) {
    super(errorMessage, { cause: options?.cause });
    this.errorName = errorName;
    this.reason = options?.reason;
  }
}
