import { Agent, type RequestOptions, request } from 'node:https';
import { isIP } from 'node:net';
import { createSecureContext, rootCertificates } from 'node:tls';
import { parseCertificateAuthorities } from './certificate-authorities.ts';
import { checkedClientCertificate, type XksClientCertificate } from './client-certificate.ts';
import type { XksFailure } from './failures.ts';

/** One POST to a proxy. */
interface XksPost {
  /** The host name of the store's endpoint: the name in the certificate, SNI and the Host header. */
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Text, which goes out in one piece with the headers; bytes would be a second. */
  readonly body: string;
}

/** What came back: an HTTP answer, or why there is none. */
type XksPostResult =
  | { readonly status: number; readonly mediaType: string; readonly body: string }
  | { readonly failure: XksFailure; readonly cause: unknown };

/** Takes POSTs to proxies. A failure is a result, never a rejection. */
export interface XksTransport {
  post(post: XksPost): Promise<XksPostResult>;
  /** Ends idle connections. */
  close(): void;
}

/** How proxies are found and trusted, and how long they have. */
export interface XksTransportOptions {
  /** Where host names really are, `address:port`; a host that is not listed is looked up and called on 443. */
  readonly hosts: Readonly<Record<string, string>>;
  /** PEM certificates to trust besides the public ones. */
  readonly certificateAuthorities: string | undefined;
  /** For proxies that ask for one. */
  readonly clientCertificate?: XksClientCertificate | undefined;
  /** For one call, connecting included. */
  readonly timeoutMs: number;
}

/**
 * HTTPS with the protocol versions and cipher suites of the XKS API, over connections that are kept open. Throws
 * RangeError for a malformed address or certificate.
 */
export function createXksTransport({
  hosts,
  certificateAuthorities,
  clientCertificate,
  timeoutMs,
}: XksTransportOptions): XksTransport {
  const addresses = new Map(
    Object.entries(hosts).map(([host, address]) => [host.toLowerCase(), endpoint(address)]),
  );
  const agent = new Agent({
    keepAlive: true,
    secureContext: createSecureContext({
      minVersion: 'TLSv1.2',
      ciphers: CIPHER_SUITES.join(':'),
      ...(certificateAuthorities !== undefined && {
        ca: [...rootCertificates, ...parseCertificateAuthorities(certificateAuthorities)],
      }),
      ...(clientCertificate && tlsIdentity(checkedClientCertificate(clientCertificate))),
    }),
  });
  // Connections differ in nothing else here, and the name of Node's own is put together of 20 options, twice a call.
  agent.getName = ({ host, port, servername } = {}) => `${servername} ${host}:${port}`;
  return {
    async post({ host, path, headers, body }) {
      const options: RequestOptions = {
        agent,
        method: 'POST',
        path,
        // In a row, which Node sends as it is.
        headers: Object.entries({
          host,
          'content-type': 'application/json',
          'content-length': String(Buffer.byteLength(body)),
          ...headers,
        }).flat(),
        ...(addresses.get(host.toLowerCase()) ?? { host, port: 443 }),
        ...(isIP(host) === 0 && { servername: host }),
      };
      const deadline = Date.now() + timeoutMs;
      const first = await exchange(options, body, timeoutMs);
      // A connection that was kept open may have been closed at the other end in the meantime.
      if (!first.stale) return first;
      return exchange(options, body, Math.max(deadline - Date.now(), 0));
    },
    close: () => agent.destroy(),
  };
}

type Exchange = XksPostResult & { readonly stale?: true };

function exchange(options: RequestOptions, body: string, timeoutMs: number): Promise<Exchange> {
  return new Promise((resolve) => {
    const outgoing = request(options);
    let phase: keyof typeof FAILURES = 'connecting';
    let timedOut = false;

    const timer = setTimeout(() => {
      timedOut = true;
      outgoing.destroy(new Error('the deadline of the XKS call has passed'));
    }, timeoutMs);
    const finish = (result: Exchange): void => {
      clearTimeout(timer);
      resolve(result);
    };
    const fail = (cause: Error): void => {
      const failure = protocolFailure(cause) ?? FAILURES[phase][timedOut ? 'timeout' : 'error'];
      const stale = outgoing.reusedSocket && phase === 'waiting' && !timedOut;
      finish({ failure, cause, ...(stale && { stale }) });
    };

    outgoing.on('socket', (socket) => {
      if (outgoing.reusedSocket) {
        phase = 'waiting';
        return;
      }
      socket.once('connect', () => (phase = 'securing'));
      socket.once('secureConnect', () => (phase = 'waiting'));
    });
    outgoing.on('error', fail);
    // For an answer that switches protocols, Node emits neither a response nor an error. A response has an end of its own.
    outgoing.on('close', () => {
      if (phase === 'reading') return;
      finish({ failure: 'MalformedResponse', cause: new Error('the answer is none') });
    });
    outgoing.on('response', (incoming) => {
      phase = 'reading';
      const chunks: Buffer[] = [];
      let length = 0;
      incoming.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length > MAX_RESPONSE_BYTES) incoming.destroy(new Error('the answer is too long'));
      });
      incoming.on('error', fail);
      incoming.on('end', () =>
        finish({
          status: incoming.statusCode ?? 0,
          mediaType: mediaTypeOf(incoming.headers['content-type']),
          body: Buffer.concat(chunks).toString('utf8'),
        }),
      );
    });
    outgoing.end(body);
  });
}

function tlsIdentity({ certificatePem, keyPem }: XksClientCertificate) {
  return { cert: certificatePem, key: keyPem };
}

/** What breaks a protocol does so in any phase: in TLS 1.3 a client hears late that its certificate is refused. */
function protocolFailure({ code = '' }: NodeJS.ErrnoException): XksFailure | undefined {
  if (code.startsWith('ERR_SSL_')) return 'TlsConnectionFailed';
  return code.startsWith('HPE_') ? 'MalformedResponse' : undefined;
}

function mediaTypeOf(contentType = ''): string {
  const [mediaType = ''] = contentType.split(';');
  return mediaType.trim().toLowerCase();
}

function endpoint(address: string): { readonly host: string; readonly port: number } {
  const [, host, port] = ADDRESS.exec(address) ?? [];
  if (host === undefined || Number(port) > 65_535)
    throw new RangeError(`xksHosts: expected address:port, not ${address}`);
  return { host: host.replaceAll(/[[\]]/g, ''), port: Number(port) };
}

// What a call that ends in each phase means; a proxy that accepts a connection can be reached.
const FAILURES = {
  connecting: { error: 'TcpConnectionFailed', timeout: 'TcpConnectionFailed' },
  securing: { error: 'TlsConnectionFailed', timeout: 'SocketTimeout' },
  waiting: { error: 'TcpConnectionFailed', timeout: 'SocketTimeout' },
  reading: { error: 'MalformedResponse', timeout: 'SocketTimeout' },
} as const satisfies Record<string, Record<'error' | 'timeout', XksFailure>>;

/** XKS API, "API content type": a proxy has at least one of them. */
const CIPHER_SUITES = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
] as const;
const MAX_RESPONSE_BYTES = 65_536;
const ADDRESS = /^(\[[0-9a-f:]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/;
