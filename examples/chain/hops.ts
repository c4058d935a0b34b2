import type { Chain } from './chain.ts';
import type { KmsCall } from './kms-calls.ts';
import { isRecord, type LogRecord } from './server-process.ts';

/** One stage of a request's way to the token; its time contains that of the next. */
export interface Hop {
  readonly place: string;
  readonly operation: string;
  readonly durationMs: number;
  readonly detail: string;
}

/**
 * Follows one call through the logs of all parts by its request id: the application, the local KMS, the signed
 * request over TLS, and the proxy in front of the token, whose record is the operator's audit line.
 *
 * @throws Error if one of the logs does not know the request id
 */
export async function hopsOf(
  { localKms, proxy }: Pick<Chain, 'localKms' | 'proxy'>,
  { requestId, operation, durationMs }: KmsCall,
): Promise<readonly Hop[]> {
  const kmsRecord = await localKms.record((record) => isRequest(record) && record['requestId'] === requestId);
  const audit = await proxy.record((record) => isRequest(record) && record['kmsRequestId'] === requestId);
  const { xksCalls } = kmsRecord;
  const wire: unknown = Array.isArray(xksCalls) ? xksCalls[0] : undefined;
  return [
    { place: 'application', operation, durationMs, detail: '@aws-sdk/client-kms' },
    hop('local KMS', kmsRecord, text(kmsRecord, 'keyId')),
    hop('XKS call', isRecord(wire) ? wire : {}, 'HTTPS, signature version 4'),
    hop(
      'XKS proxy',
      audit,
      `store ${text(audit, 'store')}, ${text(audit, 'externalKeyId')}: ${text(audit, 'outcome')}`,
    ),
  ];
}

function isRequest(record: LogRecord): boolean {
  return record['event'] === 'request';
}

function hop(place: string, record: LogRecord, detail: string): Hop {
  const { durationMs } = record;
  if (typeof durationMs !== 'number') throw new Error(`the log of the ${place} tells no duration`);
  return { place, operation: text(record, 'operation'), durationMs, detail };
}

function text(record: LogRecord, field: string): string {
  const value = record[field];
  if (typeof value !== 'string') throw new Error(`a log record has no ${field}`);
  return value;
}
