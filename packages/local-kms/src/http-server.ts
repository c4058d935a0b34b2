import { createServer, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { peerAddress, rememberPeer } from './peer-address.ts';

/** A server that takes requests. */
export interface HttpServer {
  readonly url: string;
  /** Lets the requests that have arrived finish, for five seconds at most, then ends every connection. */
  close(): Promise<void>;
}

/** What the server is made of. */
export interface HttpServerOptions {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Not typed by Hono: its types want the DOM, and would be part of those of this package. */
  readonly fetch: (request: Request) => Response | Promise<Response>;
  /** Called for failures that belong to no request; the server goes on. */
  readonly onError: (error: NodeJS.ErrnoException) => void;
}

/** Starts a server. Rejects with the error of the socket, such as EADDRINUSE. */
export async function startHttpServer({
  host,
  port,
  fetch,
  onError,
}: HttpServerOptions): Promise<HttpServer> {
  const answer = getRequestListener(fetch, { overrideGlobalObjects: false });
  const server = createServer((incoming, outgoing) => {
    // The connection was reset before it was accepted: policies would decide without the address, and no answer can be sent.
    if (peerAddress(incoming.socket) === undefined) incoming.destroy();
    else void answer(incoming, outgoing);
  });
  server.on('connection', rememberPeer);
  // Clients keep connections open for longer than the five seconds of Node, which would close them in the middle of a call.
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  const close = closer(server);
  const url = await listen(server, host, port);
  // Without a listener a connection that cannot be taken would end the process.
  server.on('error', onError);
  return { url, close };
}

function closer(server: Server): () => Promise<void> {
  const underWay = new Set<ServerResponse>();
  let answered = (): void => undefined;
  server.prependListener('request', (_incoming, outgoing: ServerResponse) => {
    underWay.add(outgoing);
    outgoing.once('close', () => {
      underWay.delete(outgoing);
      if (underWay.size === 0) answered();
    });
  });
  return async () => {
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    const allAnswered = new Promise<void>((resolve) => {
      answered = resolve;
      if (underWay.size === 0) resolve();
    });
    const patience = new AbortController();
    const expired = sleep(GRACE_MS, undefined, { signal: patience.signal }).catch(() => undefined);
    await Promise.race([allAnswered, expired]);
    patience.abort();
    // Connections without any request, too.
    server.closeAllConnections();
    await closed;
  };
}

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      const boundPort = typeof address === 'object' ? (address?.port ?? port) : port;
      resolve(`http://${host.includes(':') ? `[${host}]` : host}:${boundPort}`);
    });
  });
}

const KEEP_ALIVE_MS = 75_000;
const GRACE_MS = 5_000;
