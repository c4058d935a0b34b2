import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TlsConfig } from '../config/config.ts';
import type { ProxyLog } from '../log.ts';
import { XksException } from '../xks-exception.ts';
import { refusal, send } from './answer.ts';
import { admitClients } from './client-certificates.ts';
import { gracefulClose } from './graceful-close.ts';
import { overload } from './overload.ts';
import { requestsUnderWay } from './requests-under-way.ts';

/**
 * An HTTPS server in front of the app. What never gets as far as the app is answered and logged here, in JSON too.
 *
 * @param tls what the server is by TLS at first
 */
export function httpsServer(tls: TlsConfig, app: RequestListener, log: ProxyLog): ProxyServer {
  let current = tls;
  const secured = new WeakSet<Duplex>();
  const refuses = overload(log);
  const server = createServer({ ...TIMEOUTS, ...tlsOptions(tls) }, (incoming, outgoing) => {
    if (!refuses(incoming, outgoing)) app(incoming, outgoing);
  });
  // A client that asks and never reads the answers would keep its connection.
  server.setTimeout(SILENCE_MS);
  const underWay = requestsUnderWay(server);
  server
    .on('checkExpectation', (incoming, outgoing) => {
      const answer = refusal(new XksException('ValidationException', 'The expectation is not supported.'));
      log.request(answer);
      outgoing.shouldKeepAlive = false;
      send({ incoming, outgoing }, answer);
    })
    .on('secureConnection', (socket) => void secured.add(socket))
    .on('clientError', (error, socket) => {
      // Node tells of a handshake that failed here too: there is nobody to be answered.
      if (!secured.has(socket)) {
        socket.destroy();
        return;
      }
      log.connectionRefused('http', error);
      // What follows a whole request, or one that is answered already, must not be answered in its place.
      const follows = [...underWay].some(
        ({ req, headersSent }) => req.socket === socket && (req.complete || headersSent),
      );
      if (!socket.writable || follows) {
        socket.destroy();
        return;
      }
      socket.end(MALFORMED_REQUEST);
      // A client that neither reads it nor closes would keep the connection, and what waits for the rest of the request.
      setTimeout(() => socket.destroy(), LAST_ANSWER_MS).unref();
    });
  const endRefused = admitClients(server, () => current, log, underWay);
  return {
    server,
    secure(next) {
      server.setSecureContext(tlsOptions(next));
      current = next;
      endRefused();
    },
    stop: gracefulClose(server, underWay),
  };
}

/** The server, and what is done to it while it listens. */
interface ProxyServer {
  readonly server: Server;
  /**
   * Makes the server another one by TLS, as long as it wants client certificates or does not. Ends connections of clients
   * that it refuses from now on, see `admitClients`. What throws has changed nothing.
   */
  readonly secure: (next: TlsConfig) => void;
  /** Closes it well, see `gracefulClose`. */
  readonly stop: () => Promise<void>;
}

function tlsOptions({ certificate, key, clients }: TlsConfig) {
  const identity = { ...TLS, cert: certificate, key: key.export({ type: 'pkcs8', format: 'pem' }) };
  if (clients === undefined) return identity;
  return { ...identity, ca: clients.authorities, requestCert: true, rejectUnauthorized: true };
}

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
// Longer than any request may take; between requests, the time of connections that are kept alive is another one.
const SILENCE_MS = 20_000;
const LAST_ANSWER_MS = 1_000;
const MALFORMED_BODY = '{"errorName":"ValidationException","errorMessage":"The request is not valid HTTP."}';
const MALFORMED_REQUEST = [
  'HTTP/1.1 400 Bad Request',
  'Connection: close',
  'Content-Type: application/json',
  `Content-Length: ${MALFORMED_BODY.length}`,
  '',
  MALFORMED_BODY,
].join('\r\n');
