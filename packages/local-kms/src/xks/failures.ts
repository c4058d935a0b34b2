import { KmsException, type KmsExceptionCode } from '../kms-exception.ts';

/** Why a call to an external key store gave no result: an error name of the XKS API, or what went wrong before. */
export type XksFailure = keyof typeof XKS_FAILURES;

/** What KMS was doing when the call failed; it decides which exception its own caller sees. */
export type XksSituation = 'keyStore' | 'createKey' | 'cryptography';

/** Why a custom key store could not be connected, as DescribeCustomKeyStores tells it. */
export type ConnectionErrorCode = (typeof CONNECTION_ERROR_CODES)[number];

/** The exception for a failed call. The proxy's own message is not passed on, as in AWS KMS. */
export function kmsExceptionFor(failure: XksFailure, situation: XksSituation, cause?: unknown): KmsException {
  const row: XksFailureRow = XKS_FAILURES[failure];
  return new KmsException(row[situation], row.message, { cause });
}

/** The reason that a failed connection is described with. */
export function connectionErrorCodeFor(failure: XksFailure): ConnectionErrorCode {
  return XKS_FAILURES[failure].connection;
}

/** Narrows the `errorName` of a proxy's answer; undefined if the XKS API has no such error. */
export function proxyErrorNamed(errorName: string): XksFailure | undefined {
  return isProxyError(errorName) ? errorName : undefined;
}

interface XksFailureRow {
  readonly keyStore: KmsExceptionCode;
  readonly createKey: KmsExceptionCode;
  readonly cryptography: KmsExceptionCode;
  readonly connection: ConnectionErrorCode;
  readonly message: string;
}

/**
 * XKS API, "Error codes: KMS considerations": what each failure means to the caller of KMS. Where the
 * specification names no exception, because the call in question should not meet that failure, the answer is that
 * the response makes no sense. Its `XksKeyInvalidResponseException` does not exist in the KMS API and is
 * `XksKeyInvalidConfigurationException` here.
 */
const PROXY_ERRORS = {
  ValidationException: {
    keyStore: 'XksProxyInvalidResponseException',
    createKey: 'CustomKeyStoreInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_INVALID_RESPONSE',
    message: 'The external key store proxy did not accept a request that follows the XKS API.',
  },
  InvalidStateException: {
    keyStore: 'XksProxyInvalidResponseException',
    createKey: 'XksKeyInvalidConfigurationException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_INVALID_RESPONSE',
    message: 'The external key is not enabled in its key manager.',
  },
  InvalidCiphertextException: {
    keyStore: 'XksProxyInvalidResponseException',
    createKey: 'CustomKeyStoreInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_INVALID_RESPONSE',
    message: 'The external key store proxy refused the ciphertext or encryption context as not valid.',
  },
  InvalidKeyUsageException: {
    keyStore: 'XksProxyInvalidResponseException',
    createKey: 'XksKeyInvalidConfigurationException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_INVALID_RESPONSE',
    message: 'The external key does not permit this operation in its key manager.',
  },
  AuthenticationFailedException: {
    keyStore: 'XksProxyIncorrectAuthenticationCredentialException',
    createKey: 'CustomKeyStoreInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'INVALID_CREDENTIALS',
    message: 'The external key store proxy could not authenticate KMS: check the proxy credential.',
  },
  AccessDeniedException: {
    keyStore: 'XksProxyInvalidResponseException',
    createKey: 'KMSInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_ACCESS_DENIED',
    message: 'The external key store proxy denied access: check its authorization rules for caller and key.',
  },
  KeyNotFoundException: {
    keyStore: 'XksProxyInvalidResponseException',
    createKey: 'XksKeyNotFoundException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_INVALID_RESPONSE',
    message: 'The external key store proxy knows no external key of this id.',
  },
  InvalidUriPathException: {
    keyStore: 'XksProxyInvalidConfigurationException',
    createKey: 'CustomKeyStoreInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_INVALID_CONFIGURATION',
    message: 'The external key store proxy does not serve this URI path: check XksProxyUriPath.',
  },
  UnsupportedOperationException: {
    keyStore: 'XksProxyInvalidResponseException',
    createKey: 'XksKeyInvalidConfigurationException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_INVALID_RESPONSE',
    message: 'The external key store proxy does not support this operation or this size.',
  },
  DependencyTimeoutException: {
    keyStore: 'XksProxyUriUnreachableException',
    createKey: 'CustomKeyStoreInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_TIMED_OUT',
    message: 'The external key store proxy waited too long for its key manager.',
  },
  ThrottlingException: {
    keyStore: 'XksProxyUriUnreachableException',
    createKey: 'CustomKeyStoreInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_NOT_REACHABLE',
    message: 'The external key store proxy is receiving more requests than it takes: call less often.',
  },
  InternalException: {
    keyStore: 'XksProxyInvalidResponseException',
    createKey: 'CustomKeyStoreInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_INVALID_RESPONSE',
    message: 'The external key store proxy failed, or could not work with its key manager.',
  },
} as const satisfies Record<string, XksFailureRow>;

// What KMS finds for itself when there is no answer, or none that it can use.
const KMS_FINDINGS = {
  TcpConnectionFailed: {
    keyStore: 'XksProxyUriUnreachableException',
    createKey: 'CustomKeyStoreInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_NOT_REACHABLE',
    message: 'The external key store proxy cannot be reached over the network.',
  },
  TlsConnectionFailed: {
    keyStore: 'XksProxyUriUnreachableException',
    createKey: 'CustomKeyStoreInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_INVALID_TLS_CONFIGURATION',
    message:
      'No TLS connection to the external key store proxy: check its certificate and protocol versions.',
  },
  SocketTimeout: {
    keyStore: 'XksProxyUriUnreachableException',
    createKey: 'CustomKeyStoreInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_TIMED_OUT',
    message: 'The external key store proxy did not answer in time.',
  },
  MalformedResponse: {
    keyStore: 'XksProxyInvalidResponseException',
    createKey: 'CustomKeyStoreInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_INVALID_RESPONSE',
    message: 'The answer of the external key store proxy does not follow the XKS API.',
  },
  UndecryptableResult: {
    keyStore: 'XksProxyInvalidResponseException',
    createKey: 'CustomKeyStoreInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_INVALID_RESPONSE',
    message: 'What the external key store proxy decrypted, or its encryption context, is not valid.',
  },
  KeyStoreNotConnected: {
    keyStore: 'CustomKeyStoreInvalidStateException',
    createKey: 'CustomKeyStoreInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'INTERNAL_ERROR',
    message: 'The custom key store is not connected to its external key store proxy.',
  },
  KeyManagersUnavailable: {
    keyStore: 'XksProxyUriUnreachableException',
    createKey: 'CustomKeyStoreInvalidStateException',
    cryptography: 'KMSInvalidStateException',
    connection: 'XKS_PROXY_NOT_REACHABLE',
    message: 'The external key store proxy reports that none of its key managers is available.',
  },
} as const satisfies Record<string, XksFailureRow>;

const XKS_FAILURES = { ...PROXY_ERRORS, ...KMS_FINDINGS };

function isProxyError(errorName: string): errorName is keyof typeof PROXY_ERRORS {
  return Object.hasOwn(PROXY_ERRORS, errorName);
}

/** All reasons that there are for a connection to fail. */
export const CONNECTION_ERROR_CODES = [
  'INTERNAL_ERROR',
  'INVALID_CREDENTIALS',
  'XKS_PROXY_ACCESS_DENIED',
  'XKS_PROXY_INVALID_CONFIGURATION',
  'XKS_PROXY_INVALID_RESPONSE',
  'XKS_PROXY_INVALID_TLS_CONFIGURATION',
  'XKS_PROXY_NOT_REACHABLE',
  'XKS_PROXY_TIMED_OUT',
] as const;
