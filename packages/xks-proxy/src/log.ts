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
  /** Another configuration is served from now on, except for the sections that take effect at the next start. */
  reloaded(event: ServedEvent & { readonly awaitingStart: readonly string[] }): void;
  /** A new configuration was refused, with every problem; the earlier one stays. */
  reloadRefused(problems: readonly string[], cause: unknown): void;
  /** A certificate is outside its dates: clients refuse the one that is served, or a new one is not served until they fit. */
  certificateNotValid(event: { readonly problem: string; readonly isServed: boolean }): void;
  stopped(): void;
  request(record: RequestRecord): void;
  health(token: string, status: HealthStatus, cause?: unknown): void;
  /** A configured key is not on the token, or not in a usable form. */
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
  /** Keys are configured to rotate at their limit, and those of a store cannot; logged at the start, long before the limit. */
  rotationImpossible(event: { readonly store: string; readonly problem: string }): void;
  /** The end of the audit trail so far, logged for each file and each failure: a hash to compare the trail with later. */
  auditHead(event: { readonly file: string; readonly sequence: number; readonly hash: string }): void;
  /** Records cannot be written to the audit trail; logged once, until one can. */
  auditFailed(cause: unknown): void;
  /** The server met an error that belongs to no connection, and goes on. */
  serverError(cause: unknown): void;
  /** A connection failed before it had a request. */
  connectionRefused(stage: 'tls' | 'http', cause: unknown): void;
}

/** The tokens and stores that are served now. */
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
    // KMS gets its answer whether it can be logged or not. The owner of a stream hears of its failure by an event.
  }
}
