import type { Server } from 'node:net';
import { XksProxyError } from '../proxy-error.ts';

/**
 * Listens, and returns the port. Throws XksProxyError `LISTEN_FAILED`.
 *
 * @param exclusive whether the processes of a cluster must not share the port
 */
export function listen(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
  { exclusive = false }: { readonly exclusive?: boolean } = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const failed = (cause: Error): void => {
      reject(
        new XksProxyError('LISTEN_FAILED', `cannot listen on ${host}, port ${port}: ${cause.message}`, {
          cause,
        }),
      );
    };
    server.once('error', failed);
    server.listen({ port, host, exclusive }, () => {
      server.off('error', failed);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
