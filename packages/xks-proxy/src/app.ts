import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import { withDeadline } from './deadline.ts';
import { callWatch } from './devices/call-watch.ts';
import { EXCEPTION_STATUS, XksException } from './errors.ts';
import { discardBody, readBody } from './http/body.ts';
import { isPlainPath } from './http/request-path.ts';
import type { ProxyLog } from './log.ts';
import { decrypt } from './operations/decrypt.ts';
import { encrypt } from './operations/encrypt.ts';
import { getHealthStatus } from './operations/get-health-status.ts';
import { getKeyMetadata } from './operations/get-key-metadata.ts';
import type { Operation } from './operations/operation.ts';
import type { Serving } from './serving.ts';
import { type BodyVerification, type VerifyOptions, verifySignature } from './sigv4/verify.ts';
import type { Store } from './stores.ts';
import { type JsonObject, LIMITS, parseBody, parseRequestMetadata, type RequestMetadata } from './wire.ts';

type App = Hono<{ Bindings: HttpBindings }>;
type AppContext = Context<{ Bindings: HttpBindings }>;

/** The proxy's HTTP interface: four routes a store, and one gate that every request to them goes through. */
export function createApp(serving: Serving, log: ProxyLog): App {
  const app: App = new Hono();
  app.use(async (context, next) => {
    // Routers resolve and decode paths; behind this line the raw target and the routed path are the same text.
    if (isPlainPath(context.env.incoming.url ?? '')) return next();
    return noSuchPath(context, log);
  });
  for (const store of serving.stores) {
    const base = `${store.pathPrefix}/kms/xks/v1`;
    route(`${base}/keys/:externalKeyId/metadata`, store, getKeyMetadata);
    route(`${base}/keys/:externalKeyId/encrypt`, store, encrypt);
    route(`${base}/keys/:externalKeyId/decrypt`, store, decrypt);
    route(`${base}/health`, store, getHealthStatus);
  }
  app.get('/ping', async (context) => {
    const statuses = await Promise.all(serving.fleet.members.map(({ health }) => health.status()));
    // As AWS KMS sees it: only a fleet without any member that serves is out.
    const isOut = statuses.every((status) => status === 'UNAVAILABLE');
    return answer(context, isOut ? 503 : 200, { healthStatus: isOut ? 'UNAVAILABLE' : 'ACTIVE' });
  });
  app.notFound((context) => noSuchPath(context, log));
  app.onError((thrown, context) => {
    const error = unforeseen(thrown);
    const status = EXCEPTION_STATUS[error.errorName];
    log.request({ status, error });
    return answer(context, status, errorBody(error));
  });
  return app;

  function route(path: string, store: Store, operation: Operation): void {
    app.post(path, (context) => serving.during(() => gate(context, serving, log, store, operation)));
    app.all(path, (context) => methodNotAllowed(context, log));
  }
}

/** Signature, body limit, JSON, metadata, operation, deadline, answer and log line, in this order. */
async function gate(
  context: AppContext,
  { config, fleet }: Serving,
  log: ProxyLog,
  store: Store,
  operation: Operation,
): Promise<Response> {
  const startedAt = performance.now();
  const externalKeyId = context.req.param('externalKeyId');
  const caller: Caller = {};
  const deadline = new AbortController();
  const watch = callWatch(deadline.signal);
  let keyVersion: number | undefined;
  let status = 200;
  let response: JsonObject;
  let error: XksException | undefined;
  try {
    const body = await authenticatedBody(context.env.incoming, store, caller);
    caller.metadata = parseRequestMetadata(body, operation.requiredMetadata);
    if (operation.concernsKey) authorize(store, caller, externalKeyId ?? '');
    const onKeyVersion = (version: number) => {
      keyVersion = version;
    };
    const subject = { store, externalKeyId: externalKeyId ?? '', watch, fleet, onKeyVersion };
    response = await withDeadline(operation.run(body, subject), config.server.timeoutMs, deadline);
  } catch (thrown) {
    const exception = thrown instanceof XksException ? thrown : unforeseen(thrown);
    status = EXCEPTION_STATUS[exception.errorName];
    response = errorBody(exception);
    error = exception;
  }
  const durations = { durationMs: performance.now() - startedAt, tokenMs: watch.elapsedMs() };
  const answered = answer(context, status, response);
  const subject = { operation: operation.name, store: store.name, externalKeyId, keyVersion };
  log.request({ ...subject, ...caller, status, error, ...durations });
  return answered;
}

/** What has become known of the caller so far; a refused request is logged with no more than that. */
interface Caller {
  accessKeyId?: string;
  metadata?: RequestMetadata;
  policyRule?: string;
}

/** Throws `AccessDeniedException` unless the store's policy allows the request. */
function authorize({ policy }: Store, caller: Caller, externalKeyId: string): void {
  const { metadata = {} } = caller;
  const { isAllowed, rule } = policy.decide({ metadata, externalKeyId, now: new Date() });
  caller.policyRule = rule;
  if (isAllowed) return;
  throw new XksException(
    'AccessDeniedException',
    'The policy of the external key store denies this request.',
    {
      reason: 'policy',
    },
  );
}

/** The body of a request whose signature holds. Nothing in it is looked at before, and none of it kept for a stranger. */
async function authenticatedBody(
  incoming: HttpBindings['incoming'],
  { credentials, regions }: Store,
  caller: Caller,
): Promise<JsonObject> {
  const verifyBody = await authenticatedHead(incoming, { credentials, regions, nowMs: Date.now() });
  const body = await readBody(incoming, LIMITS.maxBodyBytes);
  try {
    caller.accessKeyId = verifyBody(body);
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

function noSuchPath(context: AppContext, log: ProxyLog): Response {
  const error = invalidUriPath();
  const status = EXCEPTION_STATUS[error.errorName];
  log.request({ ...loggedPath(context), status, error });
  return answer(context, status, errorBody(error));
}

/** The API fixes this status (XKS API v1, "API operations") and no error name; this one comes closest. */
function methodNotAllowed(context: AppContext, log: ProxyLog): Response {
  const error = new XksException('UnsupportedOperationException', 'Only POST is supported.');
  log.request({ ...loggedPath(context), status: 405, error });
  return answer(context, 405, errorBody(error), { Allow: 'POST' });
}

/** A wrong path prefix is the commonest mistake of all, so the log has the path; but not just any text. */
function loggedPath({ env }: AppContext): { path?: string } {
  const { url = '' } = env.incoming;
  return isPlainPath(url) ? { path: url } : {};
}

function answer(
  context: AppContext,
  status: number,
  body: JsonObject,
  headers?: Record<string, string>,
): Response {
  const { incoming, outgoing } = context.env;
  const text = JSON.stringify(body);
  // What is left of an unread body would be taken for the next request.
  const connection = incoming.complete ? {} : { Connection: 'close' };
  const type = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) };
  outgoing.writeHead(status, { ...type, ...connection, ...headers });
  outgoing.end(text);
  return RESPONSE_ALREADY_SENT;
}

const invalidUriPath = () =>
  new XksException(
    'InvalidUriPathException',
    'The request path belongs to no external key store of this proxy.',
  );

const errorBody = ({ errorName, message }: XksException): JsonObject => ({
  errorName,
  errorMessage: message,
});
const unforeseen = (cause: unknown) =>
  new XksException('InternalException', 'The external key store proxy failed.', { cause });
