import type { HttpBindings } from '@hono/node-server';
import type { AuditTrail } from './audit/trail.ts';
import { withDeadline } from './deadline.ts';
import { type CallObserver, type CallWatch, callWatch } from './devices/call-watch.ts';
import { XksException } from './errors.ts';
import { type Answer, type AppContext, refusal, send } from './http/answer.ts';
import { discardBody, readBody } from './http/body.ts';
import type { ProxyLog } from './log.ts';
import type { Operation } from './operations/operation.ts';
import { type RequestRecord, recordFields } from './request-record.ts';
import type { Serving } from './serving.ts';
import { type BodyVerification, type VerifyOptions, verifySignature } from './sigv4/verify.ts';
import type { Store } from './stores.ts';
import type { Tracing } from './tracing.ts';
import { type JsonObject, LIMITS, parseBody, parseRequestMetadata, type RequestMetadata } from './wire.ts';

/** Who is told of requests, for as long as the process lives. */
export interface Observers {
  readonly log: ProxyLog;
  readonly audit: AuditTrail;
  readonly tracing: Tracing;
  readonly calls: CallObserver;
}

/** Signature, body limit, JSON, metadata, quota, policy, operation, deadline, audit, answer and log line, in this order. */
export async function gate(
  context: AppContext,
  serving: Serving,
  { log, audit, tracing, calls }: Observers,
  { store, operation }: { readonly store: Store; readonly operation: Operation },
): Promise<Response> {
  const startedAt = performance.now();
  const elapsedMs = () => performance.now() - startedAt;
  const span = tracing.begin(operation.name);
  const deadline = new AbortController();
  const watch = callWatch(deadline.signal, (call) => {
    const ended = [calls(call), span.call(call)];
    return (device, error) => {
      for (const end of ended) end(device, error);
    };
  });
  const externalKeyId = context.req.param('externalKeyId');
  const known: Known = {};
  const record = ({ status, error }: Answer): RequestRecord => {
    const subject = {
      operation: operation.name,
      store: store.name,
      externalKeyId,
      token: watch.lastDevice(),
    };
    return { ...subject, ...known, status, error, durationMs: elapsedMs(), tokenMs: watch.elapsedMs() };
  };

  const request = { context, serving, store, operation, externalKeyId: externalKeyId ?? '' };
  let answer = await answerTo(request, watch, deadline, known).catch(refusal);
  try {
    const remainingMs = serving.config.server.timeoutMs - elapsedMs();
    const withinMs = Math.max(remainingMs, MIN_AUDIT_MS);
    await audit.append('request', () => recordFields(record(answer)), withinMs);
  } catch (cause) {
    answer = refusal(new XksException('InternalException', 'The audit trail cannot be written.', { cause }));
  }
  const last = record(answer);
  const sent = send(context, answer);
  log.request(last);
  span.end(last);
  return sent;
}

/** What becomes known on the way; a refused request is recorded with no more than that. */
interface Known {
  accessKeyId?: string;
  metadata?: RequestMetadata;
  policyRule?: string;
  keyVersion?: number;
}

interface GateRequest {
  readonly context: AppContext;
  readonly serving: Serving;
  readonly store: Store;
  readonly operation: Operation;
  readonly externalKeyId: string;
}

async function answerTo(
  { context, serving, store, operation, externalKeyId }: GateRequest,
  watch: CallWatch,
  deadline: AbortController,
  known: Known,
): Promise<Answer> {
  const { config, fleet } = serving;
  const body = await authenticatedBody(context.env.incoming, store, known);
  known.metadata = parseRequestMetadata(body, operation.requiredMetadata);
  if (operation.concernsKey) {
    await store.quota.consume();
    authorize(store, known, externalKeyId);
  }
  const onKeyVersion = (version: number) => {
    known.keyVersion = version;
  };
  const work = operation.run(body, { store, externalKeyId, watch, fleet, onKeyVersion });
  return { status: 200, body: await withDeadline(work, config.server.timeoutMs, deadline) };
}

/** Throws `AccessDeniedException` unless the store's policy allows the request. */
function authorize({ policy }: Store, known: Known, externalKeyId: string): void {
  const { metadata = {} } = known;
  const { isAllowed, rule } = policy.decide({ metadata, externalKeyId, now: new Date() });
  known.policyRule = rule;
  if (isAllowed) return;
  throw new XksException(
    'AccessDeniedException',
    'The policy of the external key store denies this request.',
    { reason: 'policy' },
  );
}

/** The body of a request whose signature holds. Nothing in it is looked at before, and none of it kept for a stranger. */
async function authenticatedBody(
  incoming: HttpBindings['incoming'],
  { credentials, regions }: Store,
  known: Known,
): Promise<JsonObject> {
  const verifyBody = await authenticatedHead(incoming, { credentials, regions, nowMs: Date.now() });
  const body = await readBody(incoming, LIMITS.maxBodyBytes);
  try {
    known.accessKeyId = verifyBody(body);
    return parseBody(body, incoming.headers['content-type']);
  } finally {
    body.fill(0);
  }
}

async function authenticatedHead(
  incoming: HttpBindings['incoming'],
  options: VerifyOptions,
): Promise<BodyVerification> {
  const { method = '', url = '', rawHeaders } = incoming;
  try {
    return verifySignature({ method, path: url, rawHeaders }, options);
  } catch (error) {
    // An answer in the middle of the body is lost to a client that is still writing.
    await discardBody(incoming, LIMITS.maxBodyBytes);
    throw error;
  }
}

// A request that was late already is recorded all the same.
const MIN_AUDIT_MS = 20;
