import type { RequestListener } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import { Hono } from 'hono';
import { gate, type Observers } from './gate.ts';
import { refusal, send } from './http/answer.ts';
import { isPlainPath } from './http/request-path.ts';
import type { ProxyLog } from './log.ts';
import { decrypt } from './operations/decrypt.ts';
import { encrypt } from './operations/encrypt.ts';
import { getHealthStatus } from './operations/get-health-status.ts';
import { getKeyMetadata } from './operations/get-key-metadata.ts';
import type { Operation } from './operations/operation.ts';
import type { Serving } from './serving.ts';
import type { Store } from './stores.ts';
import { XksException } from './xks-exception.ts';

/** Answers a request; never rejects. */
type XksApp = (...http: Parameters<RequestListener>) => Promise<void>;
type Routes = Hono<{ Bindings: HttpBindings }>;

/** The proxy's HTTP interface: four routes a store, and one gate that every request to them goes through. */
export function createApp(serving: Serving, observers: Observers): XksApp {
  const { log, audit } = observers;
  const app: Routes = new Hono({ getPath: (_request, options) => options?.env?.incoming.url ?? '' });
  for (const store of serving.stores) {
    const base = `${store.pathPrefix}/kms/xks/v1`;
    route(`${base}/keys/:externalKeyId/metadata`, store, getKeyMetadata);
    route(`${base}/keys/:externalKeyId/encrypt`, store, encrypt);
    route(`${base}/keys/:externalKeyId/decrypt`, store, decrypt);
    route(`${base}/health`, store, getHealthStatus);
  }
  app.get('/ping', async ({ env }) => {
    const isOut = audit.isRefusing() || (await serving.isOut());
    const body = { healthStatus: isOut ? 'UNAVAILABLE' : 'ACTIVE' };
    send(env, { status: isOut ? 503 : 200, body });
    return RESPONSE_ALREADY_SENT;
  });
  app.notFound(({ env }) => {
    noSuchPath(env, log);
    return RESPONSE_ALREADY_SENT;
  });
  app.onError((thrown, { env }) => {
    const answer = refusal(thrown);
    log.request(answer);
    send(env, answer);
    return RESPONSE_ALREADY_SENT;
  });
  return async (incoming, outgoing) => {
    const http = { incoming, outgoing };
    // Routers resolve and decode paths; behind this line the raw target and the routed path are the same text.
    if (!isPlainPath(incoming.url ?? '')) return noSuchPath(http, log);
    try {
      await app.fetch(routed(incoming.method), http);
    } catch (error) {
      // Not even an answer that it failed could be written.
      log.serverError(error);
      outgoing.destroy();
    }
  };

  function route(path: string, store: Store, operation: Operation): void {
    app.all(path, async ({ env, req }) => {
      const call = { store, operation, externalKeyId: req.param('externalKeyId') };
      if (env.incoming.method === 'POST') {
        await serving.during(() => gate(env, serving, observers, call));
      } else methodNotAllowed(env, log);
      return RESPONSE_ALREADY_SENT;
    });
  }
}

function noSuchPath(http: HttpBindings, log: ProxyLog): void {
  const message = 'The request path belongs to no external key store of this proxy.';
  const answer = refusal(new XksException('InvalidUriPathException', message));
  log.request({ ...answer, ...recordedPath(http) });
  send(http, answer);
}

/** The API fixes this status (XKS API v1, "API operations") and no error name; this one comes closest. */
function methodNotAllowed(http: HttpBindings, log: ProxyLog): void {
  const error = new XksException('UnsupportedOperationException', 'Only POST is supported.');
  const answer = { ...refusal(error), status: 405 };
  log.request({ ...answer, ...recordedPath(http) });
  http.outgoing.setHeader('Allow', 'POST');
  send(http, answer);
}

/** A wrong path prefix is the commonest mistake of all, so the log has the path; but not just any text. */
function recordedPath({ incoming }: HttpBindings): { path?: string } {
  const { url = '' } = incoming;
  return isPlainPath(url) ? { path: url } : {};
}

/**
 * What Hono is given for a request: it routes by the method and by the path that it is told, and the gate reads the raw
 * request of Node. So one object for each method that has a route serves all requests, and none is made for each.
 */
function routed(method = ''): Request {
  return REQUESTS.get(method) ?? OTHER;
}

const REQUESTS = new Map(
  ['GET', 'HEAD', 'POST'].map((method) => [method, new Request('https://localhost/', { method })]),
);
const OTHER = new Request('https://localhost/', { method: 'OPTIONS' });
