/**
 * An AWS KMS exception on its way to the client. What goes wrong with the state of a KMS is a `LocalKmsError`.
 *
 * `code` is the exception's name as the API spells it; `status` is the HTTP status it travels with. The message
 * is for a person and never holds plaintext, key material, credentials or encryption context values.
 */
export class KmsException extends Error {
  override readonly name = 'KmsException';
  readonly code: KmsExceptionCode;

  constructor(code: KmsExceptionCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get status(): number {
    return STATUS_BY_CODE[this.code];
  }
}

/** The name of an exception that this KMS can answer with. */
export type KmsExceptionCode = keyof typeof STATUS_BY_CODE;

/** Narrows any thrown value; an unforeseen one becomes the cause of a `KMSInternalException`. */
export function toKmsException(thrown: unknown): KmsException {
  if (thrown instanceof KmsException) return thrown;
  return new KmsException('KMSInternalException', 'An internal error occurred.', { cause: thrown });
}

// The API model gives some of these 404, 409 or 412; the service itself answers every client fault with 400.
const STATUS_BY_CODE = {
  AccessDeniedException: 400,
  AlreadyExistsException: 400,
  CloudHsmClusterNotFoundException: 400,
  ConflictException: 400,
  CustomKeyStoreHasCMKsException: 400,
  CustomKeyStoreInvalidStateException: 400,
  CustomKeyStoreNameInUseException: 400,
  CustomKeyStoreNotFoundException: 400,
  DisabledException: 400,
  DryRunOperationException: 400,
  ExpiredImportTokenException: 400,
  IncompleteSignatureException: 400,
  IncorrectKeyException: 400,
  IncorrectKeyMaterialException: 400,
  InvalidAliasNameException: 400,
  InvalidArnException: 400,
  InvalidCiphertextException: 400,
  InvalidGrantIdException: 400,
  InvalidGrantTokenException: 400,
  InvalidImportTokenException: 400,
  InvalidKeyUsageException: 400,
  InvalidMarkerException: 400,
  InvalidSignatureException: 400,
  KMSInternalException: 500,
  KMSInvalidMacException: 400,
  KMSInvalidSignatureException: 400,
  KMSInvalidStateException: 400,
  LimitExceededException: 400,
  MalformedPolicyDocumentException: 400,
  MissingAuthenticationToken: 400,
  NotFoundException: 400,
  RequestEntityTooLargeException: 413,
  SerializationException: 400,
  TagException: 400,
  UnknownOperationException: 404,
  UnrecognizedClientException: 400,
  UnsupportedOperationException: 400,
  ValidationException: 400,
  XksKeyAlreadyInUseException: 400,
  XksKeyInvalidConfigurationException: 400,
  XksKeyNotFoundException: 400,
  XksProxyIncorrectAuthenticationCredentialException: 400,
  XksProxyInvalidConfigurationException: 400,
  XksProxyInvalidResponseException: 400,
  XksProxyUriInUseException: 400,
  XksProxyUriUnreachableException: 400,
  XksProxyVpcEndpointServiceNotFoundException: 400,
} as const satisfies Record<string, number>;
