import type { CurrentAccount } from './current-account.ts';
import { DEFAULTS } from './defaults.ts';
import { type HttpServer, type HttpServerOptions, startHttpServer } from './http-server.ts';
import type { Log } from './log.ts';
import type { XksTransport } from './xks/transport.ts';

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
  /**
   * Answers the requests that have arrived, in five seconds at most, then frees the port and every connection, and closes
   * the state if the KMS listens at no other port. Further calls wait for the first. Rejects with LocalKmsError if a change
   * could not be stored.
   */
  close(): Promise<void>;
}

/** The server, and what is open while it listens. */
interface ListenerOptions {
  readonly fetch: HttpServerOptions['fetch'];
  readonly current: Pick<CurrentAccount, 'open' | 'close'>;
  readonly transport: Pick<XksTransport, 'close'>;
  /** Called every second. */
  readonly catchUp: () => void;
  readonly log: Log;
}

/**
 * Returns a function that listens, at any number of ports: while there is one, the account is open and whatever is due is
 * carried out. The function rejects with the error of the socket, such as EADDRINUSE, and as the account does.
 */
export function createListener({
  fetch,
  current,
  transport,
  catchUp,
  log,
}: ListenerOptions): (options?: ListenOptions) => Promise<ListeningKms> {
  const onError = ({ code, name }: NodeJS.ErrnoException): void =>
    log({ event: 'server-error', cause: code ?? name });
  let listening = 0;
  let ticking: NodeJS.Timeout | undefined;
  const leave = async (): Promise<void> => {
    listening -= 1;
    if (listening > 0) return;
    clearInterval(ticking);
    ticking = undefined;
    await current.close();
    // Another call may have begun to listen meanwhile.
    if (listening === 0) transport.close();
  };

  const start = async (host: string, port: number): Promise<HttpServer> => {
    // From here on no other port is the last one, which closes the account.
    listening += 1;
    try {
      await current.open();
      return await startHttpServer({ host, port, fetch, onError });
    } catch (error) {
      await leave();
      throw error;
    }
  };

  return async ({ host = DEFAULTS.host, port = 0 } = {}) => {
    const server = await start(host, port);
    const { url } = server;
    // Whatever is due does not wait for a request, nor keep the process alive.
    ticking ??= setInterval(catchUp, TICK_MS).unref();
    log({ event: 'listening', url, notice: 'for development and tests only' });
    let closed: Promise<void> | undefined;
    return {
      url,
      close() {
        closed ??= server.close().then(leave);
        return closed;
      },
    };
  };
}

const TICK_MS = 1000;
