import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import { getRequestListener } from '@hono/node-server';
import type { TlsConfig } from '../config/config.ts';
import { EXCEPTION_STATUS, XksException } from '../errors.ts';
import type { ProxyLog } from '../log.ts';
import { admitClients } from './client-certificates.ts';
import { refuseWhenLate } from './overload.ts';

/**
 * An HTTPS server in front of the app. What never gets as far as the app is answered and logged here, in JSON too.
 *
 * @param tls what the server is by TLS now
 */
export function httpsServer(
  tls: () => TlsConfig,
  fetch: Parameters<typeof getRequestListener>[0],
  log: ProxyLog,
): Server {
  const refuse = (error: XksException) => {
    const status = EXCEPTION_STATUS[error.errorName];
    log.request({ status, error });
    return { status, body: JSON.stringify({ errorName: error.errorName, errorMessage: error.message }) };
  };
  const listener = getRequestListener(fetch, {
    overrideGlobalObjects: false,
    hostname: HOST,
    // Requests whose target no URL can be made of never reach the app.
    errorHandler: () => {
      const { status, body } = refuse(
        new XksException('InvalidUriPathException', 'The request path is not valid.'),
      );
      return new Response(body, { status, headers: { 'Content-Type': 'application/json' } });
    },
  });
  const secured = new WeakSet<Duplex>();
  const unanswered = new WeakMap<Duplex, Set<IncomingMessage>>();
  const server = createServer({ ...TIMEOUTS, ...tlsOptions(tls()) }, (incoming, outgoing) => {
    if (refuseWhenLate(incoming, outgoing, log)) return;
    const requests = unanswered.get(incoming.socket) ?? new Set();
    unanswered.set(incoming.socket, requests.add(incoming));
    outgoing.once('close', () => requests.delete(incoming));
    // No URL is made of what a caller calls us; the signature is over the raw headers, which stay.
    incoming.headers.host = HOST;
    void listener(incoming, outgoing);
  })
    .on('checkExpectation', (_incoming, outgoing) => {
      const { status, body } = refuse(
        new XksException('ValidationException', 'The expectation is not supported.'),
      );
      const type = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
      outgoing.writeHead(status, { ...type, Connection: 'close' }).end(body);
    })
    .on('secureConnection', (socket) => void secured.add(socket))
    .on('clientError', (error, socket) => {
      // Node tells of a handshake that failed here too: there is nobody to be answered.
      if (!secured.has(socket)) {
        socket.destroy();
        return;
      }
      log.connectionRefused('http', error);
      // What comes after a whole request must not be answered in its place.
      const follows = [...(unanswered.get(socket) ?? [])].some(({ complete }) => complete);
      if (socket.writable && !follows) socket.end(MALFORMED_REQUEST);
      else socket.destroy();
    });
  admitClients(server, tls, log);
  return server;
}

/** What the server is by TLS; a listening one may be given another, as long as it wants client certificates or does not. */
export function tlsOptions({ certificate, key, clients }: TlsConfig) {
  const identity = { ...TLS, cert: certificate, key: key.export({ type: 'pkcs8', format: 'pem' }) };
  if (clients === undefined) return identity;
  return { ...identity, ca: clients.authorities, requestCert: true, rejectUnauthorized: true };
}

const HOST = 'localhost';
// XKS API v1, "API content type": the two suites of TLS 1.3 and the two of TLS 1.2 that KMS may choose from.
const TLS = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
  ].join(':'),
  honorCipherOrder: true,
  handshakeTimeout: 10_000,
} as const;
const TIMEOUTS = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  // Longer than the 60 seconds of the load balancers in front of it, so that they close first.
  keepAliveTimeout: 75_000,
  connectionsCheckingInterval: 5_000,
  // A request without Host is answered like any other that cannot be authenticated.
  requireHostHeader: false,
} as const;
const MALFORMED_BODY = '{"errorName":"ValidationException","errorMessage":"The request is not valid HTTP."}';
const MALFORMED_REQUEST = [
  'HTTP/1.1 400 Bad Request',
  'Connection: close',
  'Content-Type: application/json',
  `Content-Length: ${MALFORMED_BODY.length}`,
  '',
  MALFORMED_BODY,
].join('\r\n');
