import type { ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Prepares a server to be closed well, before it takes connections. The returned function stops listening, lets the
 * requests under way finish, for five seconds at most, answers what is still on its way on connections that are open, and
 * then ends every connection, also those in a handshake.
 *
 * @param underWay responses that are not finished
 */
export function gracefulClose(server: Server, underWay: ReadonlySet<ServerResponse>): () => Promise<void> {
  const sockets = new Set<Duplex>();
  let closing = false;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.prependListener('request', (_incoming, outgoing: ServerResponse) => {
    // A busy connection would otherwise bring one more request, and one more.
    if (closing) outgoing.shouldKeepAlive = false;
  });
  return async () => {
    closing = true;
    for (const outgoing of underWay) outgoing.shouldKeepAlive = false;
    // Node would end idle connections at once, and with them the requests that are in the network.
    server.closeIdleConnections = () => undefined;
    const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
    const startedAtMs = performance.now();
    const isWithin = (limitMs: number) => performance.now() - startedAtMs < limitMs;
    while ((underWay.size > 0 && isWithin(TIMEOUT_MS)) || (sockets.size > 0 && isWithin(LINGER_MS))) {
      await sleep(POLL_MS);
    }
    for (const socket of sockets) socket.destroy();
    await closed;
  };
}

const TIMEOUT_MS = 5_000;
/** Many times what a request is in the network for; clients close their connections when they are told to. */
const LINGER_MS = 300;
const POLL_MS = 10;
