import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ProxyLog } from '../log.ts';
import { LIMITS } from '../wire.ts';
import { EXCEPTION_STATUS, XksException } from '../xks-exception.ts';
import { enterTurn } from './loop-turn.ts';

/** Takes a request over that is not to be served, and tells whether it has. */
export type Overload = (incoming: IncomingMessage, outgoing: ServerResponse) => boolean;

/**
 * Refuses requests with `ThrottlingException` when so many came at once that they would be late for AWS KMS anyway. It
 * comes before everything else: what is refused must not take the time of what is served.
 *
 * So the answers get a tenth of the time and no more, in the order of arrival. A little too much
 * is refused within moments; under far too much a refused caller waits, and does not ask again meanwhile, which would cost
 * more than the answer. One that goes away costs nothing. Load balancers, who ask by GET, and GetHealthStatus are never refused.
 */
export function overload(log: ProxyLog): Overload {
  let refused: ServerResponse[] = [];
  const answerSome = (): void => {
    const untilMs = performance.now() + ANSWER_SHARE_MS;
    let answered = 0;
    for (const outgoing of refused) {
      if (performance.now() >= untilMs) break;
      answered += 1;
      if (outgoing.req.socket.writable) answer(outgoing, log);
    }
    refused = refused.slice(answered);
    if (refused.length > 0) setTimeout(answerSome, ANSWER_INTERVAL_MS);
  };
  return (incoming, outgoing) => {
    const { requests, lateMs } = enterTurn();
    if (requests <= MIN_TURN_REQUESTS || lateMs <= MAX_LATE_MS || isExempt(incoming)) return false;
    incoming.on('error', ignore);
    // A body passes only if it is no longer than one that would be read; otherwise the connection waits, and is closed.
    if (Number(incoming.headers['content-length']) <= LIMITS.maxBodyBytes) incoming.resume();
    if (refused.length === 0) setTimeout(answerSome, ANSWER_INTERVAL_MS);
    // More than that come from callers who do not wait for answers.
    if (refused.length < MAX_REFUSED) refused.push(outgoing);
    else outgoing.destroy();
    return true;
  };
}

function answer(outgoing: ServerResponse, log: ProxyLog): void {
  // What is left of a body would be taken for the next request.
  if (!outgoing.req.complete) outgoing.shouldKeepAlive = false;
  outgoing.writeHead(STATUS, HEADERS);
  outgoing.end(BODY);
  log.request({ status: STATUS, error: BUSY });
}

function isExempt({ method, url = '' }: IncomingMessage): boolean {
  return method !== 'POST' || url.endsWith(HEALTH_PATH);
}

/** A request may have waited as long again for the turn before, and KMS waits for 250 ms. */
const MAX_LATE_MS = 50;
/** So few are done soon, whatever kept the process. */
const MIN_TURN_REQUESTS = 32;
const ANSWER_SHARE_MS = 2;
const ANSWER_INTERVAL_MS = 20;
const MAX_REFUSED = 10_000;
const HEALTH_PATH = '/kms/xks/v1/health';
const BUSY = new XksException('ThrottlingException', 'The external key store proxy is busy.', {
  reason: 'overload',
});
const STATUS = EXCEPTION_STATUS[BUSY.errorName];
const BODY = JSON.stringify({ errorName: BUSY.errorName, errorMessage: BUSY.message });
const HEADERS = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(BODY) } as const;
const ignore = (): void => undefined;
