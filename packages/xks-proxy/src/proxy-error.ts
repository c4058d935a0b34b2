/** Why a proxy could not be configured, started or changed. Errors that KMS is answered with are `XksException`s. */
export type XksProxyErrorCode =
  | 'AUDIT_UNAVAILABLE'
  | 'CHANGE_REFUSED'
  | 'CONFIG_INVALID'
  | 'FILE_LOCKED'
  | 'LISTEN_FAILED'
  | 'PIN_REFUSED'
  | 'TOKEN_UNAVAILABLE';

/** Thrown by `parseConfig` and `startProxy`; `code` is stable, the message is for the operator. */
export class XksProxyError extends Error {
  override readonly name = 'XksProxyError';
  readonly code: XksProxyErrorCode;

  constructor(code: XksProxyErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
