import { Pkcs11Error } from '@holdfast/pkcs11';
import { errorCode } from './error-code.ts';
import type { RequestMetadata } from './wire.ts';
import { XksException } from './xks-exception.ts';

/** The outcome of one request. A field is absent if it was not known or does not apply. */
export interface RequestRecord {
  readonly operation?: string;
  readonly store?: string;
  readonly externalKeyId?: string | undefined;
  /** The generation of the external key that was used. */
  readonly keyVersion?: number | undefined;
  /** The token that was asked last. */
  readonly token?: string | undefined;
  /** The rule of the store's policy that decided. */
  readonly policyRule?: string | undefined;
  /** The credential that signed, once its signature was verified. */
  readonly accessKeyId?: string | undefined;
  readonly metadata?: RequestMetadata | undefined;
  /** Only for a request that belongs to no store. */
  readonly path?: string;
  readonly status: number;
  /** Absent when the request succeeded. */
  readonly error?: XksException | undefined;
  /** Until the answer was ready; absent for a request that was refused before any work. */
  readonly durationMs?: number;
  /** The part of it that was spent in calls to the token. */
  readonly tokenMs?: number;
}

/** Fields of a line of the log or the audit trail. */
export type RecordFields = Readonly<Record<string, string | number | undefined>>;

/**
 * The fields that log, audit trail and traces have of a request, and no others: no bodies, secrets or keys.
 * Texts of the caller are cut at the length that an ARN may have.
 */
export function recordFields(record: RequestRecord): RecordFields {
  const { metadata = {}, error } = record;
  // This runs for every request: naming each field costs a tenth of spreading objects.
  const fields = {
    kmsRequestId: shortened(metadata.kmsRequestId),
    kmsOperation: shortened(metadata.kmsOperation),
    kmsKeyArn: shortened(metadata.kmsKeyArn),
    awsPrincipalArn: shortened(metadata.awsPrincipalArn),
    awsSourceVpc: shortened(metadata.awsSourceVpc),
    awsSourceVpce: shortened(metadata.awsSourceVpce),
    kmsViaService: shortened(metadata.kmsViaService),
    accessKeyId: record.accessKeyId,
    operation: record.operation,
    store: record.store,
    externalKeyId: record.externalKeyId,
    keyVersion: record.keyVersion,
    token: record.token,
    policyRule: record.policyRule,
    path: record.path,
    status: record.status,
    outcome: error === undefined ? 'success' : 'error',
    durationMs: rounded(record.durationMs),
    tokenMs: rounded(record.tokenMs),
  };
  return error === undefined ? fields : { ...fields, ...errorFields(error) };
}

/** The fields of an error for the operator: names and codes, and the place in the program for an unforeseen error. */
export function errorFields(error: unknown): RecordFields {
  if (error instanceof XksException) {
    return { errorName: error.errorName, reason: error.reason ?? error.message, ...causeFields(error.cause) };
  }
  return causeFields(error);
}

function causeFields(error: unknown): RecordFields {
  if (error === undefined) return {};
  if (error instanceof Pkcs11Error) return { cause: error.code, returnValue: error.returnValue?.name };
  if (error instanceof XksException) return { cause: error.errorName };
  if (!(error instanceof Error)) return { cause: typeof error };
  // A foreign message may quote what it failed on; its code and its place in the program cannot.
  return { cause: errorCode(error) ?? error.name, at: error.stack?.match(/^ +at .*$/m)?.[0].trim() };
}

const shortened = (value: string | undefined) => value?.slice(0, MAX_VALUE_CHARACTERS);
const rounded = (milliseconds: number | undefined) =>
  milliseconds === undefined ? undefined : Math.round(milliseconds * 1000) / 1000;

const MAX_VALUE_CHARACTERS = 2048;
