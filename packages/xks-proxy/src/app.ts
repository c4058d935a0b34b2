import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { type Context, Hono } from 'hono';
import { readBody } from './body.ts';
import { withDeadline } from './deadline.ts';
import { exceptionStatus, XksException } from './exceptions.ts';
import type { FleetHealth } from './health.ts';
import type { KeyDevice } from './key-device.ts';
import type { ProxyLog } from './log.ts';
import { decrypt } from './operations/decrypt.ts';
import { encrypt } from './operations/encrypt.ts';
import { getHealthStatus } from './operations/get-health-status.ts';
import { getKeyMetadata } from './operations/get-key-metadata.ts';
import type { Operation } from './operations/operation.ts';
import { isPlainPath } from './request-path.ts';
import { verifySignature } from './sigv4/verify.ts';
import type { Store } from './stores.ts';
import { type JsonObject, limits, parseBody, parseRequestMetadata, type RequestMetadata } from './wire.ts';

export interface AppOptions {
  readonly stores: readonly Store[];
  readonly device: KeyDevice;
  readonly health: FleetHealth;
  readonly log: ProxyLog;
  /** How long an operation may take before KMS is told so. */
  readonly timeoutMs: number;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

type App = Hono<{ Bindings: HttpBindings }>;
type AppContext = Context<{ Bindings: HttpBindings }>;

/** The proxy's HTTP interface: four routes a store, and one gate that every request to them goes through. */
export function createApp(options: AppOptions): App {
  const app: App = new Hono();
  app.use(async (context, next) => {
    // Routers resolve and decode paths; behind this line the raw target and the routed path are the same text.
    if (isPlainPath(context.env.incoming.url ?? '')) return next();
    return noSuchPath(context, options.log);
  });
  for (const store of options.stores) {
    const base = `${store.pathPrefix}/kms/xks/v1`;
    route(`${base}/keys/:externalKeyId/metadata`, store, getKeyMetadata);
    route(`${base}/keys/:externalKeyId/encrypt`, store, encrypt);
    route(`${base}/keys/:externalKeyId/decrypt`, store, decrypt);
    route(`${base}/health`, store, getHealthStatus);
  }
  app.get('/ping', async (context) => {
    const healthStatus = await options.health.status();
    return answer(context, healthStatus === 'ACTIVE' ? 200 : 503, { healthStatus });
  });
  app.notFound((context) => noSuchPath(context, options.log));
  return app;

  function route(path: string, store: Store, operation: Operation): void {
    app.post(path, (context) => gate(context, options, store, operation));
    app.all(path, (context) => methodNotAllowed(context, options.log));
  }
}

/** Body limit, signature, JSON, metadata, operation, deadline, answer and log line, in this order. */
async function gate(
  context: AppContext,
  options: AppOptions,
  store: Store,
  operation: Operation,
): Promise<Response> {
  const startedAt = performance.now();
  const { incoming } = context.env;
  const externalKeyId = context.req.param('externalKeyId') ?? '';
  let accessKeyId: string | undefined;
  let metadata: RequestMetadata | undefined;
  let error: unknown;
  let status = 200;
  let response: JsonObject;
  try {
    const bytes = await readBody(incoming, limits.body);
    let body: JsonObject;
    try {
      accessKeyId = authenticate(incoming, bytes, store, options.now());
      body = parseBody(bytes, incoming.headers['content-type']);
    } finally {
      bytes.fill(0);
    }
    metadata = parseRequestMetadata(body, operation.requiredMetadata);
    const { device, health } = options;
    const work = operation.run(body, { store, externalKeyId, device, health });
    response = await withDeadline(work, options.timeoutMs);
  } catch (thrown) {
    const exception = thrown instanceof XksException ? thrown : unforeseen(thrown);
    error = exception;
    status = exceptionStatus[exception.errorName];
    response = { errorName: exception.errorName, errorMessage: exception.message };
  }
  const answered = answer(context, status, response);
  const durationMs = performance.now() - startedAt;
  const { name } = operation;
  options.log.request({
    operation: name,
    store: store.name,
    ...(externalKeyId === '' ? {} : { externalKeyId }),
    accessKeyId,
    metadata,
    status,
    error,
    durationMs,
  });
  return answered;
}

function authenticate(
  incoming: HttpBindings['incoming'],
  body: Uint8Array,
  store: Store,
  nowMs: number,
): string {
  const { method = '', url = '', rawHeaders } = incoming;
  const { credentials, regions } = store;
  return verifySignature({ method, path: url, rawHeaders, body }, { credentials, regions, nowMs });
}

function noSuchPath(context: AppContext, log: ProxyLog): Response {
  const error = invalidUriPath();
  const status = exceptionStatus[error.errorName];
  log.request({ status, error, durationMs: 0 });
  return answer(context, status, { errorName: error.errorName, errorMessage: error.message });
}

/** The API fixes this status (XKS API v1, "API operations") and no error name; this one comes closest. */
function methodNotAllowed(context: AppContext, log: ProxyLog): Response {
  const error = new XksException('UnsupportedOperationException', 'Only POST is supported.');
  log.request({ status: 405, error, durationMs: 0 });
  const body = { errorName: error.errorName, errorMessage: error.message };
  return answer(context, 405, body, { Allow: 'POST' });
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

/** For a request target that names nothing this proxy has. */
export const invalidUriPath = () =>
  new XksException(
    'InvalidUriPathException',
    'The request path belongs to no external key store of this proxy.',
  );

const unforeseen = (cause: unknown) =>
  new XksException('InternalException', 'The external key store proxy failed.', { cause });
