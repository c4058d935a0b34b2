import type { ConnectionErrorCode, XksFailure } from './xks/failures.ts';

/** One thing that happened. Records never hold plaintext, key material, credentials or encryption context. */
export type LogRecord =
  | ListeningRecord
  | ControlRecord
  | RequestRecord
  | RefusalRecord
  | ConnectionRecord
  | HealthCheckRecord
  | ServerErrorRecord
  | StateLostRecord;

/** Takes records as they happen; it must not throw. */
export type Log = (record: LogRecord) => void;

/** The KMS has begun to take requests. */
export interface ListeningRecord {
  readonly event: 'listening';
  readonly url: string;
  readonly notice: 'for development and tests only';
}

/** The server for resets and moves of the clock has begun to take requests. */
export interface ControlRecord {
  readonly event: 'control-listening';
  readonly url: string;
}

/** One call of the KMS API. */
export interface RequestRecord {
  readonly event: 'request';
  /** The `x-amzn-requestid` of the answer and the `kmsRequestId` that a proxy saw. */
  readonly requestId: string;
  readonly operation: string;
  /** The ARN of the caller. */
  readonly principal?: string;
  /** The ARN of the key; for ReEncrypt that of the destination. */
  readonly keyId?: string;
  readonly errorName?: string;
  /** Name, code and place of what a KMSInternalException hides from the client. */
  readonly fault?: string;
  readonly durationMs: number;
  readonly xksCalls?: readonly XksCallRecord[];
}

/** What `enforce` would have refused. */
export interface RefusalRecord {
  readonly event: 'refusal';
  /** The ARN of the caller; absent where the caller is not known. */
  readonly principal?: string;
  readonly action?: string;
  readonly resource?: string;
  readonly why: string;
}

/** The end of an attempt to connect a custom key store, which goes on after its request was answered. */
export interface ConnectionRecord {
  readonly event: 'connection';
  readonly requestId: string;
  readonly customKeyStoreId: string;
  readonly state: 'CONNECTED' | 'FAILED';
  readonly errorCode?: ConnectionErrorCode;
  readonly xksCalls: readonly XksCallRecord[];
}

/** What came of a health check of a proxy, which takes place every few minutes. */
export interface HealthCheckRecord {
  readonly event: 'health-check';
  /** The `kmsRequestId` that the proxy saw. */
  readonly requestId: string;
  readonly customKeyStoreId: string;
  readonly xksCalls: readonly XksCallRecord[];
}

/** The server failed at something that belongs to no request, such as taking a connection; it goes on. */
export interface ServerErrorRecord {
  readonly event: 'server-error';
  /** Its code, such as EMFILE, or else its name. */
  readonly cause: string;
}

/** A change could not be stored. From now on every request is answered with KMSInternalException. */
export interface StateLostRecord {
  readonly event: 'state-lost';
  /** A code of `LocalKmsError`, or else the name of an error. */
  readonly cause: string;
}

/** One call to the proxy of an external key store. */
export interface XksCallRecord {
  readonly operation: XksOperation;
  readonly durationMs: number;
  readonly failure?: XksFailure;
}

/** The operations of the XKS API. */
export type XksOperation = 'GetHealthStatus' | 'GetKeyMetadata' | 'Encrypt' | 'Decrypt';
