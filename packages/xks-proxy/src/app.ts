import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { XksException } from './errors.ts';
import { gate, type Observers } from './gate.ts';
import { type AppContext, refusal, send } from './http/answer.ts';
import { isPlainPath } from './http/request-path.ts';
import type { ProxyLog } from './log.ts';
import { decrypt } from './operations/decrypt.ts';
import { encrypt } from './operations/encrypt.ts';
import { getHealthStatus } from './operations/get-health-status.ts';
import { getKeyMetadata } from './operations/get-key-metadata.ts';
import type { Operation } from './operations/operation.ts';
import type { Serving } from './serving.ts';
import type { Store } from './stores.ts';

type App = Hono<{ Bindings: HttpBindings }>;

/** The proxy's HTTP interface: four routes a store, and one gate that every request to them goes through. */
export function createApp(serving: Serving, observers: Observers): App {
  const { log } = observers;
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
    const isOut = await serving.isOut();
    const body = { healthStatus: isOut ? 'UNAVAILABLE' : 'ACTIVE' };
    return send(context, { status: isOut ? 503 : 200, body });
  });
  app.notFound((context) => noSuchPath(context, log));
  app.onError((thrown, context) => {
    const answer = refusal(thrown);
    log.request(answer);
    return send(context, answer);
  });
  return app;

  function route(path: string, store: Store, operation: Operation): void {
    app.post(path, (context) =>
      serving.during(() => gate(context, serving, observers, { store, operation })),
    );
    app.all(path, (context) => methodNotAllowed(context, log));
  }
}

function noSuchPath(context: AppContext, log: ProxyLog): Response {
  const message = 'The request path belongs to no external key store of this proxy.';
  const answer = refusal(new XksException('InvalidUriPathException', message));
  log.request({ ...answer, ...recordedPath(context) });
  return send(context, answer);
}

/** The API fixes this status (XKS API v1, "API operations") and no error name; this one comes closest. */
function methodNotAllowed(context: AppContext, log: ProxyLog): Response {
  const error = new XksException('UnsupportedOperationException', 'Only POST is supported.');
  const answer = { ...refusal(error), status: 405 };
  log.request({ ...answer, ...recordedPath(context) });
  return send(context, answer, { Allow: 'POST' });
}

/** A wrong path prefix is the commonest mistake of all, so the log has the path; but not just any text. */
function recordedPath({ env }: AppContext): { path?: string } {
  const { url = '' } = env.incoming;
  return isPlainPath(url) ? { path: url } : {};
}
