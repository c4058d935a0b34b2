import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { TLSSocket } from 'node:tls';
import type { ProxyConfig, StoreConfig } from '../config/config.ts';
import { answerText } from '../conformance/answer-text.ts';
import { inTime } from '../conformance/in-time.ts';
import { requestMetadata } from '../conformance/request-metadata.ts';
import { signRequest } from '../conformance/signer.ts';
import { consoleConfig } from '../credentials/console-config.ts';
import { XksProxyError } from '../proxy-error.ts';
import { startProxy } from '../server.ts';
import { examineCertificate } from './certificate.ts';
import type { Report } from './findings.ts';

/**
 * Asks for the health of each store as AWS KMS does, signed with each of its credentials: at the endpoint, whose certificate
 * is examined too, or, without one, at a proxy that is started here for these calls alone.
 */
export async function examineCalls(
  config: ProxyConfig,
  endpoint: URL | undefined,
  report: Report,
  timeoutMs = TIMEOUT_MS,
): Promise<void> {
  if (endpoint !== undefined) return examineEndpoint(config, { endpoint, timeoutMs }, report);
  try {
    const { server } = config;
    const tls = { ...server.tls, clients: undefined };
    const alone = { ...server, host: '127.0.0.1', port: 0, tls };
    // Folders that the real proxy writes to are not touched: it might not be allowed to write to files made here.
    const ivBudget = { ...config.ivBudget, stateDirectory: undefined };
    const proxy = await startProxy({
      ...config,
      ivBudget,
      server: alone,
      admin: undefined,
      audit: undefined,
    });
    try {
      await callStores(config, { endpoint: new URL(proxy.url), timeoutMs }, report);
    } finally {
      await proxy.close();
    }
  } catch (error) {
    if (!(error instanceof XksProxyError)) throw error;
    report('proxy-not-started', 'proxy', error.message);
  }
}

/** Examines the certificate that is served, too: that of a load balancer, or an older one, may differ from the file. */
async function examineEndpoint(config: ProxyConfig, called: Called, report: Report): Promise<void> {
  const chains = new Set<string>();
  const onConnect = (socket: TLSSocket) => chains.add(servedChain(socket));
  await callStores(config, { ...called, onConnect }, report);
  for (const chain of chains) {
    examineCertificate(chain, called.endpoint.hostname, (code, subject, text) =>
      report(code, `served ${subject}`, text),
    );
  }
}

function servedChain(socket: TLSSocket): string {
  const chain: string[] = [];
  let certificate = socket.getPeerX509Certificate();
  while (certificate !== undefined) {
    chain.push(certificate.toString());
    certificate = certificate.issuerCertificate;
  }
  return chain.join('');
}

/** The proxy that is called. */
interface Called {
  readonly endpoint: URL;
  /** The time for a connection and a whole answer. */
  readonly timeoutMs: number;
  readonly onConnect?: (socket: TLSSocket) => void;
}

async function callStores(config: ProxyConfig, called: Called, report: Report): Promise<void> {
  const { origin } = called.endpoint;
  for (const store of config.stores) {
    for (const credential of store.credentials) {
      const subject = `store ${store.name}, credential ${credential.accessKeyId}`;
      try {
        examineAnswer(await healthOf(store, credential, called), subject, report);
      } catch (error) {
        const why = error instanceof Error ? error.message : 'unknown error';
        // The next call would fail in the same way.
        if (config.server.tls.clients !== undefined && CERTIFICATE_WANTED.test(why))
          return report('call-untried', origin, 'it wants a client certificate');
        return report('endpoint-unreachable', origin, why);
      }
    }
  }
}

interface HealthAnswer {
  readonly status: number;
  readonly errorName: string;
  readonly durationMs: number;
  readonly skewMs: number;
}

function examineAnswer(
  { status, errorName, durationMs, skewMs }: HealthAnswer,
  subject: string,
  report: Report,
): void {
  const skew = Math.abs(skewMs);
  const seconds = `the clocks are ${Math.round(skew / 1000)} seconds apart`;
  if (skew > MAX_SKEW_MS) report('clock-skewed', subject, seconds);
  else if (skew > MAX_DRIFT_MS) report('clock-drifting', subject, seconds);
  if (status !== 200) return report('call-refused', subject, `the answer is ${status} ${errorName}`);
  const answered = `answered in ${durationMs.toFixed(0)} ms`;
  report(durationMs > KMS_WAITS_MS ? 'call-slow' : 'call-answered', subject, answered);
}

async function healthOf(
  store: StoreConfig,
  credential: StoreConfig['credentials'][number],
  { endpoint, timeoutMs, onConnect }: Called,
): Promise<HealthAnswer> {
  const { XksProxyUriPath, XksProxyAuthenticationCredential: secrets } = consoleConfig(store, credential);
  const path = `${XksProxyUriPath}/health`;
  const body = Buffer.from(JSON.stringify({ requestMetadata: requestMetadata('KmsHealthCheck') }));
  const signature = signRequest({
    method: 'POST',
    path,
    headers: { host: endpoint.host },
    signsDate: true,
    body,
    credential: { accessKeyId: secrets.AccessKeyId, secretAccessKey: secrets.RawSecretAccessKey },
    region: store.regions[0] ?? '',
    service: 'kms-xks-proxy',
    date: new Date(),
  });
  const headers = { ...signature, host: endpoint.host, 'content-type': 'application/json' };
  let connectedAt = 0;
  // The certificate has findings of its own, and nothing secret is sent.
  const options = { method: 'POST', path, headers, rejectUnauthorized: false };
  // Without an agent each call has a connection of its own, and so a time at which that was made.
  const outgoing = request(endpoint, { ...options, agent: false });
  outgoing.on('socket', (socket) => {
    if (!(socket instanceof TLSSocket)) return;
    socket.once('secureConnect', () => {
      // Timed from here on: KMS keeps its connections, and waits for answers alone.
      connectedAt = performance.now();
      onConnect?.(socket);
    });
  });
  const answer = new Promise<HealthAnswer>((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', (incoming) => {
      answerText(incoming).then((text) => resolve(healthAnswer(incoming, text, connectedAt)), reject);
    });
  });
  outgoing.end(body);
  return inTime(answer, outgoing, timeoutMs);
}

function healthAnswer(
  { statusCode, headers }: IncomingMessage,
  text: string,
  connectedAt: number,
): HealthAnswer {
  const durationMs = performance.now() - connectedAt;
  const [, errorName = ''] = /"errorName":"(\w+)"/.exec(text) ?? [];
  const date = Date.parse(headers.date ?? '');
  // The header has whole seconds.
  const skewMs = Number.isNaN(date) ? 0 : Date.now() - date;
  return { status: statusCode ?? 0, errorName, durationMs, skewMs };
}

// The messages of OpenSSL for the alerts of TLS 1.3 and 1.2.
const CERTIFICATE_WANTED = /alert (?:certificate required|handshake failure)/;
const KMS_WAITS_MS = 250;
const MAX_SKEW_MS = 5 * 60_000;
const MAX_DRIFT_MS = 30_000;
const TIMEOUT_MS = 10_000;
