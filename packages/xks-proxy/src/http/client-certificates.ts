import { X509Certificate } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { TlsConfig } from '../config/config.ts';
import type { ProxyLog } from '../log.ts';
import { undefinedIfThrows } from '../undefined-if-throws.ts';

/**
 * Ends connections of clients whose certificate does not have one of the common names, before HTTP has seen a byte of
 * them. That it is there, valid, and of one of the authorities is what Node has made sure of by then.
 *
 * @param underWay responses that are not finished
 * @returns to be called after a change of `tls`: it ends the open connections of clients whose common name was taken out,
 *   and those of all if an authority was, with the answer that is under way or at once
 */
export function admitClients(
  server: Server,
  tls: () => TlsConfig,
  log: ProxyLog,
  underWay: ReadonlySet<ServerResponse>,
): () => void {
  const admitted = new Map<TLSSocket, { readonly name: string; readonly authorities: string }>();
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
    } else {
      admitted.set(socket, { name, authorities: clients.authorities });
      socket.once('close', () => admitted.delete(socket));
    }
  });
  server.on('tlsClientError', (error, socket) => {
    // For a certificate that was refused the error itself says no more than that the connection has ended.
    const code: unknown = socket.authorizationError;
    if (typeof code === 'string') refuse(socket, code);
    else log.connectionRefused('tls', error);
  });
  return () => {
    const { clients } = tls();
    // Of thousands of connections most have the same ones.
    const admittedBy = new Set([...admitted.values()].map(({ authorities }) => authorities));
    const complete = new Set([...admittedBy].filter((before) => hasAll(clients?.authorities ?? '', before)));
    for (const [socket, { name, authorities }] of admitted) {
      if (clients?.commonNames.includes(name) === true && complete.has(authorities)) continue;
      const answers = [...underWay].filter(({ req }) => req.socket === socket);
      if (answers.length === 0) socket.destroy();
      for (const outgoing of answers) {
        outgoing.shouldKeepAlive = false;
        outgoing.once('close', () => socket.destroySoon());
      }
    }
  };
}

/** Whether no authority was taken out: a resumed session does not tell from which of them its certificate is. */
function hasAll(authorities: string, before: string): boolean {
  const now = fingerprints(authorities);
  return fingerprints(before).every((one) => now.includes(one));
}

/** Of the certificates in a PEM text, however its lines are broken. */
function fingerprints(pems: string): readonly string[] {
  const found: string[] = [];
  for (const [pem] of pems.matchAll(CERTIFICATE)) {
    const certificate = undefinedIfThrows(() => new X509Certificate(pem));
    // Node reads no further than one that is damaged either.
    if (certificate === undefined) break;
    found.push(certificate.fingerprint256);
  }
  return found;
}

const CERTIFICATE = /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[^-]+-----END \1-----/g;
