import type { ServerResponse } from 'node:http';
import type { Server } from 'node:https';

/** The responses that are not finished, of all connections of a server: kept up to date from now on. */
export function requestsUnderWay(server: Server): ReadonlySet<ServerResponse> {
  const underWay = new Set<ServerResponse>();
  server.prependListener('request', (_incoming, outgoing) => {
    underWay.add(outgoing);
    outgoing.once('close', () => underWay.delete(outgoing));
  });
  return underWay;
}
