import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AdminConfig } from '../config/admin.ts';
import { listen } from '../http/listen.ts';

/** How far a proxy is: it takes requests when it is `ready`. */
export type Readiness = 'starting' | 'ready' | 'draining' | 'no-token' | 'no-audit';

/** What the listener tells. */
export interface AdminSource {
  readiness(): Promise<Readiness>;
  metrics(): Promise<{ readonly text: string; readonly contentType: string }>;
}

/** A listener for operators. */
export interface AdminListener {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Listens for load balancers, orchestrators and Prometheus, over HTTP without TLS or passwords: `GET /livez` (the process
 * answers), `/readyz` (200 when it takes requests, 503 otherwise, with the reason) and `/metrics`. It tells names of
 * stores, tokens and access key ids, and nothing can be changed through it. Throws XksProxyError `LISTEN_FAILED`.
 */
export async function openAdminListener(
  { host, port }: AdminConfig,
  source: AdminSource,
): Promise<AdminListener> {
  const pages: Readonly<Record<string, () => Promise<Page>>> = {
    '/livez': async () => ({ status: 200, contentType: PLAIN, text: 'alive\n' }),
    '/readyz': async () => {
      const readiness = await source.readiness();
      return { status: readiness === 'ready' ? 200 : 503, contentType: PLAIN, text: `${readiness}\n` };
    },
    '/metrics': async () => ({ status: 200, ...(await source.metrics()) }),
  };
  const respond = async ({ method = '', url = '' }: IncomingMessage, outgoing: ServerResponse) => {
    const isRead = method === 'GET' || method === 'HEAD';
    const page = isRead && Object.hasOwn(pages, url) ? pages[url] : undefined;
    const { status, contentType, text } = await pageOf(page);
    outgoing.writeHead(status, { 'Content-Type': contentType, 'Content-Length': Buffer.byteLength(text) });
    outgoing.end(method === 'HEAD' ? '' : text);
  };
  const server = createServer(TIMEOUTS, (incoming, outgoing) => void respond(incoming, outgoing));
  const taken = await listen(server, { host, port }, { exclusive: true });
  return {
    port: taken,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

async function pageOf(page: (() => Promise<Page>) | undefined): Promise<Page> {
  try {
    return (await page?.()) ?? { status: 404, contentType: PLAIN, text: 'not found\n' };
  } catch {
    return { status: 500, contentType: PLAIN, text: 'failed\n' };
  }
}

const PLAIN = 'text/plain; charset=utf-8';
const TIMEOUTS = { headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 5_000 } as const;
