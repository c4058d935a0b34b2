import { createAccount } from './account.ts';
import { createApp } from './app.ts';
import { movableClock } from './clock.ts';
import { startHttpServer } from './http-server.ts';
import { idSource } from './ids.ts';
import type { Log } from './log.ts';
import { createXksTransport } from './xks/transport.ts';

/** What a local KMS says of itself and how it reaches proxies. Everything has a default. */
export interface LocalKmsOptions {
  /** The Region of requests that are signed for none. Default `us-east-1`. */
  readonly region?: string;
  /** The 12-digit account that owns every key. Default `000000000000`. */
  readonly accountId?: string;
  /** Where the hosts of external key store endpoints really are: host name to `address:port`. */
  readonly xksHosts?: Readonly<Record<string, string>>;
  /** PEM certificates to trust in proxies besides the public authorities. */
  readonly xksCertificateAuthorities?: string;
  /** The longest a proxy may take to answer, connecting included; up to a minute. Default 250, as in AWS. */
  readonly xksTimeoutMs?: number;
  /** Takes a record of every request and connection. */
  readonly log?: Log;
}

/** A KMS that keeps its keys in memory. It can listen more than once, at different ports. */
export interface LocalKms {
  /** Rejects with the error of the socket, such as EADDRINUSE, if the port cannot be had. */
  listen(options?: ListenOptions): Promise<ListeningKms>;
}

/** Where to listen. */
export interface ListenOptions {
  /** Default `127.0.0.1`. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
}

/** A local KMS at one port. */
export interface ListeningKms {
  /** The `endpoint` of a KMS client. */
  readonly url: string;
  /** Answers the requests that have arrived, in five seconds at most, then frees the port and every connection. */
  close(): Promise<void>;
}

/**
 * The AWS KMS API in this process, for development and tests: nothing is authorized and nothing is kept.
 * Throws RangeError for a malformed Region, account id, host mapping, certificate or time limit.
 *
 * @example
 * const kms = await createLocalKms({ region: 'eu-north-1' }).listen();
 * const client = new KMSClient({ region: 'eu-north-1', endpoint: kms.url, credentials });
 */
export function createLocalKms({
  region = 'us-east-1',
  accountId = '000000000000',
  xksHosts = {},
  xksCertificateAuthorities,
  xksTimeoutMs = 250,
  log = () => undefined,
}: LocalKmsOptions = {}): LocalKms {
  if (!(xksTimeoutMs > 0 && xksTimeoutMs <= MAX_XKS_TIMEOUT_MS)) {
    throw new RangeError(`xksTimeoutMs: expected a number above 0, up to ${MAX_XKS_TIMEOUT_MS}`);
  }
  const transport = createXksTransport({
    hosts: xksHosts,
    certificateAuthorities: xksCertificateAuthorities,
    timeoutMs: xksTimeoutMs,
  });
  const clock = movableClock();
  const account = createAccount({ accountId, clock, ids: idSource(), transport, log });
  account.region(region);
  const app = createApp({ account, defaultRegion: region, log });
  let listening = 0;

  return {
    async listen({ host = '127.0.0.1', port = 0 } = {}) {
      const server = await startHttpServer({
        host,
        port,
        fetch: app.fetch,
        onError: ({ code, name }) => log({ event: 'server-error', cause: code ?? name }),
      });
      const { url } = server;
      listening += 1;
      log({ event: 'listening', url });
      return {
        url,
        async close() {
          await server.close();
          listening -= 1;
          if (listening > 0) return;
          await Promise.all(account.regions().map(({ connections }) => connections.settled()));
          transport.close();
        },
      };
    },
  };
}

const MAX_XKS_TIMEOUT_MS = 60_000;
