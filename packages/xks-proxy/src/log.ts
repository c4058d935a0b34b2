import { Pkcs11Error } from '@holdfast/pkcs11';
import { pino } from 'pino';
import type { HealthStatus } from './devices/health.ts';
import { XksException } from './errors.ts';
import type { MetadataField, RequestMetadata } from './wire.ts';

/** Where log lines go: `process.stdout`, or anything else with a `write`. */
export interface LogStream {
  write(line: string): unknown;
}

/** One line of JSON an event. Only the fields named here are ever written: no bodies, no secrets, no keys. */
export interface ProxyLog {
  listening(event: ServedEvent & { readonly host: string; readonly port: number }): void;
  /** Another configuration is served from now on. */
  reloaded(event: ServedEvent): void;
  /** A new configuration was refused, problem by problem; the old one stays. */
  reloadRefused(problems: readonly string[], cause: unknown): void;
  stopped(): void;
  request(event: RequestEvent): void;
  health(token: string, status: HealthStatus, cause?: unknown): void;
  /** A configured key that the token does not have, or not in a usable form. */
  keyUnavailable(event: { store: string; externalKeyId: string }, cause: unknown): void;
  /** The server failed at something that belongs to no connection; it goes on. */
  serverError(cause: unknown): void;
  /** A peer that did not get as far as a request. */
  connectionRefused(stage: 'tls' | 'http', cause: unknown): void;
}

/** What is served now. */
interface ServedEvent {
  readonly tokens: readonly { readonly name: string; readonly serial: string }[];
  readonly stores: readonly string[];
}

interface RequestEvent {
  readonly operation?: string;
  readonly store?: string;
  readonly externalKeyId?: string | undefined;
  /** Which generation of the external key was used. */
  readonly keyVersion?: number | undefined;
  /** The rule of the store's policy that decided. */
  readonly policyRule?: string | undefined;
  /** The credential that signed, once its signature was verified. */
  readonly accessKeyId?: string;
  readonly metadata?: RequestMetadata;
  /** Of a request that belongs to no store. */
  readonly path?: string;
  readonly status: number;
  /** Absent when the request succeeded. */
  readonly error?: XksException | undefined;
  /** Until the answer was ready; absent when nothing was done that takes time. */
  readonly durationMs?: number;
  /** How much of it was spent in calls to the token. */
  readonly tokenMs?: number;
}

/** A log to a stream, or one that writes nothing. */
export function createLog(stream: LogStream | undefined): ProxyLog {
  const logger = pino(
    {
      base: null,
      enabled: stream !== undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    { write: (line) => writeTo(stream, line) },
  );
  return {
    listening: ({ host, port, tokens, stores }) =>
      logger.info({ event: 'listening', host, port, tokens, stores }),
    reloaded: ({ tokens, stores }) => logger.info({ event: 'reloaded', tokens, stores }),
    reloadRefused: (problems, cause) =>
      logger.error({ event: 'reload-refused', problems, ...failure(cause) }),
    stopped: () => logger.info({ event: 'stopped' }),
    request({
      operation,
      store,
      externalKeyId,
      keyVersion,
      policyRule,
      accessKeyId,
      metadata,
      path,
      status,
      error,
      ...times
    }) {
      const outcome = error === undefined ? 'success' : 'error';
      const caller = { ...selected(metadata), accessKeyId };
      const subject = { operation, store, externalKeyId, keyVersion, policyRule, path };
      const durations = { durationMs: rounded(times.durationMs), tokenMs: rounded(times.tokenMs) };
      const result = { status, outcome, ...failure(error), ...durations };
      logger[status >= 500 ? 'error' : 'info']({ event: 'request', ...caller, ...subject, ...result });
    },
    health: (token, status, cause) =>
      logger[status === 'ACTIVE' ? 'info' : 'error']({
        event: 'health',
        token,
        healthStatus: status,
        ...failure(cause),
      }),
    keyUnavailable: ({ store, externalKeyId }, cause) =>
      logger.warn({ event: 'key-unavailable', store, externalKeyId, ...failure(cause) }),
    serverError: (cause) => logger.error({ event: 'server-error', ...failure(cause) }),
    connectionRefused: (stage, cause) =>
      logger.info({ event: 'connection-refused', stage, ...failure(cause) }),
  };
}

function writeTo(stream: LogStream | undefined, line: string): void {
  try {
    stream?.write(line);
  } catch {
    // KMS gets its answer whether it can be logged or not. A stream that matters tells its owner by an event.
  }
}

/** Metadata is the caller's text: opaque, and no longer than an ARN may be. */
function selected(metadata: RequestMetadata = {}): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const field of LOGGED_METADATA) {
    const value = metadata[field];
    if (value !== undefined) fields[field] = value.slice(0, MAX_VALUE_CHARACTERS);
  }
  return fields;
}

/** What an operator may know of an error: names and codes, and where an unforeseen one came from. */
function failure(error: unknown): Record<string, string | undefined> {
  if (error instanceof XksException) {
    return { errorName: error.errorName, reason: error.reason ?? error.message, ...cause(error.cause) };
  }
  return cause(error);
}

function cause(error: unknown): Record<string, string | undefined> {
  if (error === undefined) return {};
  if (error instanceof Pkcs11Error) return { cause: error.code, returnValue: error.returnValue?.name };
  if (error instanceof XksException) return { cause: error.errorName };
  if (!(error instanceof Error)) return { cause: typeof error };
  // A foreign message may quote what it failed on; its code and its place in the program cannot.
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name;
  return { cause: code, at: error.stack?.match(/^ +at .*$/m)?.[0].trim() };
}

const rounded = (milliseconds: number | undefined) =>
  milliseconds === undefined ? undefined : Math.round(milliseconds * 1000) / 1000;

const LOGGED_METADATA = [
  'kmsRequestId',
  'kmsOperation',
  'kmsKeyArn',
  'awsPrincipalArn',
  'awsSourceVpc',
  'awsSourceVpce',
  'kmsViaService',
] as const satisfies readonly MetadataField[];
const MAX_VALUE_CHARACTERS = 2048;
