import { isRecord } from '@holdfast/testbed/json';
import type { LogRecord } from '@holdfast/testbed/server-process';
import type { Chain } from './chain.ts';
import type { KmsCall } from './kms-calls.ts';

/** One stage of a request's way to the token; its time contains that of the next. */
interface Hop {
  readonly place: string;
  readonly operation: string;
  readonly durationMs: number;
  readonly detail: string;
}

/** A request's whole way, found by the id that every log on it holds. */
export interface Trace {
  readonly requestId: string;
  readonly hops: readonly Hop[];
  /** The line that the proxy logged of it. */
  readonly logLine: LogRecord;
}

/**
 * Follows one call through the logs of all parts by its request id: the application, the local KMS, the signed
 * request over TLS, the proxy, and its calls to the token.
 *
 * @throws Error if one of the logs does not know the request id
 */
export async function traceOf(
  { localKms, proxy }: Pick<Chain, 'localKms' | 'proxy'>,
  { requestId, operation, durationMs }: KmsCall,
): Promise<Trace> {
  const kmsLine = await localKms.record((line) => isRequest(line) && line['requestId'] === requestId);
  const logLine = await proxy.record((line) => isRequest(line) && line['kmsRequestId'] === requestId);
  const { xksCalls } = kmsLine;
  const wire: unknown = Array.isArray(xksCalls) ? xksCalls[0] : undefined;
  const outcome = `${text(logLine, 'store')}/${text(logLine, 'externalKeyId')}: ${text(logLine, 'outcome')}`;
  const hops = [
    { place: 'application', operation, durationMs, detail: '@aws-sdk/client-kms' },
    hop('local KMS', kmsLine, text(kmsLine, 'keyId').replace(/^.*:/, '')),
    hop('XKS call', isRecord(wire) ? wire : {}, 'HTTPS, signature version 4'),
    hop('XKS proxy', logLine, outcome),
    hop('token', { ...logLine, durationMs: logLine['tokenMs'] }, 'PKCS#11, AES-256-GCM'),
  ];
  return { requestId, hops, logLine };
}

function isRequest(line: LogRecord): boolean {
  return line['event'] === 'request';
}

function hop(place: string, line: LogRecord, detail: string): Hop {
  const { durationMs } = line;
  if (typeof durationMs !== 'number') throw new Error(`the log of the ${place} tells no duration`);
  return { place, operation: text(line, 'operation'), durationMs, detail };
}

function text(line: LogRecord, field: string): string {
  const value = line[field];
  if (typeof value !== 'string') throw new Error(`a log line has no ${field}`);
  return value;
}
