import type { IncomingMessage, ServerResponse } from 'node:http';
import { EXCEPTION_STATUS, XksException } from '../errors.ts';
import type { ProxyLog } from '../log.ts';
import { LIMITS } from '../wire.ts';
import { enterTurn } from './loop-turn.ts';

/**
 * Answers a request with `ThrottlingException` when so many came at once that it would be late for AWS KMS anyway, and
 * tells whether it has. It comes before everything else, and does next to nothing: what is refused must not take the time
 * of what is served. Load balancers, who ask by GET, are never refused.
 */
export function refuseWhenLate(incoming: IncomingMessage, outgoing: ServerResponse, log: ProxyLog): boolean {
  const { requests, elapsedMs } = enterTurn();
  if (requests <= MIN_TURN_REQUESTS || elapsedMs <= MAX_TURN_MS || incoming.method !== 'POST') return false;
  // A body that is not to be read is waited for only if it is no longer than one that would be.
  const isShort = Number(incoming.headers['content-length']) <= LIMITS.maxBodyBytes;
  outgoing.writeHead(STATUS, isShort ? HEADERS : { ...HEADERS, Connection: 'close' });
  outgoing.end(BODY);
  log.request({ status: STATUS, error: BUSY });
  return true;
}

/** A request may have waited for the turn before as well, and KMS waits for 250 ms. */
const MAX_TURN_MS = 100;
/** So few are done soon, whatever kept the process. */
const MIN_TURN_REQUESTS = 32;
const BUSY = new XksException('ThrottlingException', 'The external key store proxy is busy.', {
  reason: 'overload',
});
const STATUS = EXCEPTION_STATUS[BUSY.errorName];
const BODY = JSON.stringify({ errorName: BUSY.errorName, errorMessage: BUSY.message });
const HEADERS = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(BODY) } as const;
