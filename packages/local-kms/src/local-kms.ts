import { openGate } from './access.ts';
import { createAccount } from './account.ts';
import { createApp } from './app.ts';
import { movableClock } from './clock.ts';
import { startHttpServer } from './http-server.ts';
import { idSource } from './ids.ts';
import { catchUp } from './keys/timeline.ts';
import type { Account } from './kms.ts';
import type { Log } from './log.ts';
import { parseSeed, plant, type Seed } from './seed.ts';
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
  /** Keys and aliases to begin with. */
  readonly seed?: Seed;
  /** Makes the ids of keys, grants and so on the same in every process that does the same with the same text. */
  readonly idSeed?: string;
  /** Takes a record of every request and connection. */
  readonly log?: Log;
}

/** A KMS that keeps its keys in memory. It can listen more than once, at different ports. */
export interface LocalKms {
  /**
   * Rejects with the error of the socket, such as EADDRINUSE, if the port cannot be had, and with that of the
   * seed if its keys or aliases cannot be made.
   */
  listen(options?: ListenOptions): Promise<ListeningKms>;
  /**
   * Moves the clock forward; what was due by then happens: deletions, rotations, expiry of imported material.
   * Throws RangeError unless `milliseconds` is from 0 up to a hundred years.
   */
  advanceClock(milliseconds: number): void;
  /** Forgets everything but the seed, and sets the clock back to the time of this machine. */
  reset(): Promise<void>;
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
 * Throws RangeError for a malformed Region, account id, host mapping, certificate, time limit or seed.
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
  seed = { keys: [] },
  idSeed,
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
  const parsedSeed = parseSeed(seed);
  const begin = () => {
    const clock = movableClock();
    const account = createAccount({ accountId, clock, ids: idSource(idSeed), transport, log });
    account.region(region);
    return { account, clock };
  };
  let current = begin();
  let planted: Promise<void> | undefined;
  const app = createApp({ account: () => current.account, defaultRegion: region, gate: openGate, log });
  let listening = 0;

  return {
    async listen({ host = '127.0.0.1', port = 0 } = {}) {
      planted ??= plant(current.account, region, parsedSeed);
      await planted;
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
          await settled(current.account);
          transport.close();
        },
      };
    },
    advanceClock(milliseconds) {
      current.clock.advance(milliseconds);
      catchUp(current.account);
    },
    async reset() {
      await settled(current.account);
      const next = begin();
      await plant(next.account, region, parsedSeed);
      current = next;
    },
  };
}

/** Waits for the attempts to connect key stores that are under way. */
async function settled(account: Account): Promise<void> {
  await Promise.all(account.regions().map(({ connections }) => connections.settled()));
}

const MAX_XKS_TIMEOUT_MS = 60_000;
