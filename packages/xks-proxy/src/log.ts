import { pino } from 'pino';
import type { HealthStatus } from './devices/health.ts';
import { errorFields, type RequestRecord, recordFields } from './request-record.ts';

/** Where log lines go: `process.stdout`, or anything else with a `write`. */
export interface LogStream {
  write(line: string): unknown;
}

/** One line of JSON an event. Only the fields named here are ever written: no bodies, no secrets, no keys. */
export interface ProxyLog {
  listening(
    event: ServedEvent & {
      readonly host: string;
      readonly port: number;
      readonly adminPort: number | undefined;
    },
  ): void;
  /** Another configuration is served from now on, but for the sections that wait for a start. */
  reloaded(event: ServedEvent & { readonly awaitingStart: readonly string[] }): void;
  /** A new configuration was refused, problem by problem; the old one stays. */
  reloadRefused(problems: readonly string[], cause: unknown): void;
  /** The dates of a certificate: clients refuse the one that is served, or another one is kept out until they fit. */
  certificateNotValid(event: { readonly problem: string; readonly isServed: boolean }): void;
  stopped(): void;
  request(record: RequestRecord): void;
  health(token: string, status: HealthStatus, cause?: unknown): void;
  /** A configured key that the token does not have, or not in a usable form. */
  keyUnavailable(event: { store: string; externalKeyId: string }, cause: unknown): void;
  /** A key has encrypted half of the messages that it may, or nearly all of them. */
  ivBudget(event: {
    readonly stage: string;
    readonly key: string;
    readonly used: number;
    readonly limit: number;
  }): void;
  /** A key that has nearly encrypted all it may could not be rotated. */
  rotationFailed(event: { readonly store: string; readonly externalKeyId: string }, cause: unknown): void;
  /** Keys are to rotate at their limit, and those of a store cannot; told at the start, long before. */
  rotationImpossible(event: { readonly store: string; readonly problem: string }): void;
  /** The audit trail has got this far, told for each file and failure: a hash to compare the trail with later. */
  auditHead(event: { readonly file: string; readonly sequence: number; readonly hash: string }): void;
  /** Records do not get into the audit trail; told once, until one does. */
  auditFailed(cause: unknown): void;
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
  const requests = logger.child({ event: 'request' });
  return {
    listening: ({ host, port, adminPort, tokens, stores }) =>
      logger.info({ event: 'listening', host, port, adminPort, tokens, stores }),
    reloaded: ({ tokens, stores, awaitingStart }) => {
      const served = { event: 'reloaded', tokens, stores };
      if (awaitingStart.length === 0) logger.info(served);
      else logger.warn({ ...served, awaitingStart });
    },
    reloadRefused: (problems, cause) =>
      logger.error({ event: 'reload-refused', problems, ...errorFields(cause) }),
    certificateNotValid: ({ problem, isServed }) =>
      logger.error({ event: 'certificate-not-valid', problem, isServed }),
    stopped: () => logger.info({ event: 'stopped' }),
    request: (record) => requests[record.status >= 500 ? 'error' : 'info'](recordFields(record)),
    health: (token, status, cause) =>
      logger[status === 'ACTIVE' ? 'info' : 'error']({
        event: 'health',
        token,
        healthStatus: status,
        ...errorFields(cause),
      }),
    keyUnavailable: ({ store, externalKeyId }, cause) =>
      logger.warn({ event: 'key-unavailable', store, externalKeyId, ...errorFields(cause) }),
    ivBudget: ({ stage, key, used, limit }) => logger.warn({ event: 'iv-budget', stage, key, used, limit }),
    rotationFailed: ({ store, externalKeyId }, cause) =>
      logger.error({ event: 'rotation-failed', store, externalKeyId, ...errorFields(cause) }),
    rotationImpossible: ({ store, problem }) =>
      logger.error({ event: 'rotation-impossible', store, problem }),
    auditHead: ({ file, sequence, hash }) => logger.info({ event: 'audit-head', file, sequence, hash }),
    auditFailed: (cause) => logger.error({ event: 'audit-failed', ...errorFields(cause) }),
    serverError: (cause) => logger.error({ event: 'server-error', ...errorFields(cause) }),
    connectionRefused: (stage, cause) =>
      logger.info({ event: 'connection-refused', stage, ...errorFields(cause) }),
  };
}

function writeTo(stream: LogStream | undefined, line: string): void {
  try {
    stream?.write(line);
  } catch {
    // KMS gets its answer whether it can be logged or not. A stream that matters tells its owner by an event.
  }
}
