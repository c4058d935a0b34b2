import type { HttpBindings } from '@hono/node-server';
import type { AuditTrail } from './audit/trail.ts';
import { type Deadline, inTime } from './deadline.ts';
import { type CallObserver, type CallWatch, callWatch } from './devices/call-watch.ts';
import { type Answer, refusal, send } from './http/answer.ts';
import { discardBody, readBody } from './http/body.ts';
import { turnToWork } from './http/loop-turn.ts';
import type { ProxyLog } from './log.ts';
import type { Operation } from './operations/operation.ts';
import { type RequestRecord, recordFields } from './request-record.ts';
import type { Serving } from './serving.ts';
import { type BodyVerification, type VerifyOptions, verifySignature } from './sigv4/verify.ts';
import type { Store } from './stores.ts';
import type { Tracing } from './tracing.ts';
import { type JsonObject, LIMITS, parseBody, parseRequestMetadata, type RequestMetadata } from './wire.ts';
import { XksException } from './xks-exception.ts';

/** Who is told of requests, for as long as the process lives. */
export interface Observers {
  readonly log: ProxyLog;
  readonly audit: AuditTrail;
  readonly tracing: Tracing;
  readonly calls: CallObserver;
}

/** What a request is about: a store, an operation, and a key if the operation concerns one. */
interface GateCall {
  readonly store: Store;
  readonly operation: Operation;
  /** From the request path. */
  readonly externalKeyId: string | undefined;
}

/** Signature, body limit, JSON, metadata, quota, policy, operation, deadline, audit, answer and log line, in this order. */
export async function gate(
  http: HttpBindings,
  serving: Serving,
  { log, audit, tracing, calls }: Observers,
  call: GateCall,
): Promise<void> {
  const startedAt = performance.now();
  const { store, operation, externalKeyId } = call;
  const span = tracing.begin(operation.name);
  const deadline = serving.deadline();
  const watch = callWatch(deadline, (deviceCall) => {
    const [counted, traced] = [calls(deviceCall), span.call(deviceCall)];
    return (ended) => {
      counted(ended);
      traced(ended);
    };
  });
  const known: Known = {};
  const record = ({ status, error }: Answer): RequestRecord => ({
    operation: operation.name,
    store: store.name,
    externalKeyId,
    token: watch.lastDevice(),
    accessKeyId: known.accessKeyId,
    metadata: known.metadata,
    policyRule: known.policyRule,
    keyVersion: known.keyVersion,
    status,
    error,
    durationMs: performance.now() - startedAt,
    tokenMs: watch.elapsedMs(),
  });

  let answer = await answerTo(http, serving, call, { watch, deadline, known }).catch(refusal);
  try {
    const remainingMs = serving.config.server.timeoutMs - (performance.now() - startedAt);
    const withinMs = Math.max(remainingMs, MIN_AUDIT_MS);
    await audit.append('request', () => recordFields(record(answer)), withinMs);
  } catch (cause) {
    answer = refusal(new XksException('InternalException', 'The audit trail cannot be written.', { cause }));
  }
  const last = record(answer);
  send(http, answer);
  log.request(last);
  span.end(last);
}

/** What becomes known on the way; a refused request is recorded with no more than that. */
interface Known {
  accessKeyId?: string;
  metadata?: RequestMetadata;
  policyRule?: string;
  keyVersion?: number;
}

async function answerTo(
  { incoming }: HttpBindings,
  { fleet }: Serving,
  { store, operation, externalKeyId = '' }: GateCall,
  {
    watch,
    deadline,
    known,
  }: { readonly watch: CallWatch; readonly deadline: Deadline; readonly known: Known },
): Promise<Answer> {
  const body = await authenticatedBody(incoming, store, known);
  known.metadata = parseRequestMetadata(body, operation.requiredMetadata);
  if (operation.concernsKey) {
    await store.quota.consume();
    authorize(store, known, externalKeyId);
  }
  const onKeyVersion = (version: number) => {
    known.keyVersion = version;
  };
  const work = operation.run(body, { store, externalKeyId, watch, fleet, onKeyVersion });
  return { status: 200, body: await inTime(work, deadline) };
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
  await turnToWork();
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
    // An answer in the middle of the body is lost to a client that is still writing. KMS declares the length.
    await discardBody(incoming, LIMITS.maxKmsBodyBytes);
    throw error;
  }
}

// A request that was late already is recorded all the same.
const MIN_AUDIT_MS = 20;
