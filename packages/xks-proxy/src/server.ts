import { createApp } from './app.ts';
import type { ProxyConfig } from './config/config.ts';
import { gracefulClose } from './http/graceful-close.ts';
import { httpsServer, listen, tlsIdentity } from './http/https-server.ts';
import { createLog, type LogStream } from './log.ts';
import { XksProxyError } from './proxy-error.ts';
import { openServing, type Serving } from './serving.ts';

/** What is not configuration, but the program's own. */
export interface StartProxyOptions {
  /** Receives one JSON line an event; nothing is logged without it. */
  readonly log?: LogStream;
}

/** A listening proxy. */
export interface RunningProxy {
  readonly url: string;
  readonly port: number;
  /**
   * Serves another configuration from now on; requests under way finish with the one that they came in under. All or
   * nothing: rejects with XksProxyError `TOKEN_UNAVAILABLE`, or whatever `load` throws, and goes on as before. The log
   * tells of both. Host and port stay as they are until the next start.
   */
  reload(load: () => ProxyConfig): Promise<void>;
  /** Takes no new connection, lets requests under way finish, then closes the tokens. */
  close(): Promise<void>;
}

/**
 * Opens the tokens, then listens. Throws XksProxyError `TOKEN_UNAVAILABLE` or `LISTEN_FAILED`.
 *
 * @example
 * const proxy = await startProxy(config, { log: process.stdout });
 * await proxy.close();
 */
export async function startProxy(
  config: ProxyConfig,
  { log: stream }: StartProxyOptions = {},
): Promise<RunningProxy> {
  const log = createLog(stream);
  let serving = await openServing(config, log);
  let app = createApp(serving, log);
  // One at a time: each takes over from the one before.
  let reloading = Promise.resolve();
  try {
    const server = httpsServer(config.server.tls, (...call) => app.fetch(...call), log);
    const stop = gracefulClose(server);
    const port = await listen(server, config.server);
    // Such as EMFILE for a connection that cannot be taken: without a listener it would end the process.
    server.on('error', (error) => log.serverError(error));
    const { host } = config.server;
    log.listening({ host, port, ...served(serving) });

    const reload = async (load: () => ProxyConfig): Promise<void> => {
      const before = serving;
      try {
        const config = load();
        const opened = await openServing(config, log, before);
        server.setSecureContext(tlsIdentity(config.server.tls));
        app = createApp(opened, log);
        serving = opened;
      } catch (error) {
        log.reloadRefused(error instanceof XksProxyError ? error.message.split('\n') : [], error);
        throw error;
      }
      log.reloaded(served(serving));
      await before.retire();
    };
    return {
      url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
      port,
      reload(load) {
        const done = reloading.then(() => reload(load));
        reloading = done.catch(() => undefined);
        return done;
      },
      async close() {
        await reloading;
        await stop();
        await serving.retire();
        log.stopped();
      },
    };
  } catch (error) {
    await serving.retire();
    throw error;
  }
}

/** What the log says of it. */
function served({ fleet, stores }: Serving) {
  const tokens = fleet.members.map(({ token, id }) => ({ name: token.config.name, serial: id }));
  return { tokens, stores: stores.map(({ name }) => name) };
}
