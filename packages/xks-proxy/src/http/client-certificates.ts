import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { TlsConfig } from '../config/config.ts';
import type { ProxyLog } from '../log.ts';

/**
 * Ends connections of clients whose certificate does not have one of the common names, before HTTP has seen a byte of
 * them. That it is there, valid, and of one of the authorities is what Node has made sure of by then.
 */
export function admitClients(server: Server, tls: () => TlsConfig, log: ProxyLog): void {
  const refuse = (socket: TLSSocket, code: string): void => {
    log.connectionRefused('tls', Object.assign(new Error('client certificate refused'), { code }));
    socket.destroy();
  };
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const { clients } = tls();
    if (clients === undefined) return;
    // A subject may have several common names; AWS has one, and so is nobody's guess which of them counts.
    const name: unknown = socket.getPeerCertificate().subject?.CN;
    if (!socket.authorized) refuse(socket, 'CLIENT_UNAUTHORIZED');
    else if (typeof name !== 'string' || !clients.commonNames.includes(name)) {
      refuse(socket, 'CLIENT_NAME_REFUSED');
    }
  });
  server.on('tlsClientError', (error, socket) => {
    // For a certificate that was refused the error itself says no more than that the connection has ended.
    const code: unknown = socket.authorizationError;
    if (typeof code === 'string') refuse(socket, code);
    else log.connectionRefused('tls', error);
  });
}
