import { X509Certificate } from 'node:crypto';
import { type AdminListener, openAdminListener, type Readiness } from './admin/listener.ts';
import { createApp } from './app.ts';
import { atInstant } from './at-instant.ts';
import { type AuditTrail, NO_AUDIT, openAuditTrail } from './audit/trail.ts';
import { openIvBudget } from './budget/iv-budget.ts';
import { type RotateKey, watchBudget } from './budget/watch-budget.ts';
import { datesProblem, type Followed, followed, refuseOutdated } from './config/certificate-dates.ts';
import type { ProxyConfig, TlsConfig } from './config/config.ts';
import { refuseLateChanges } from './config/late-changes.ts';
import { configOfWorker } from './config/of-worker.ts';
import type { Observers } from './gate.ts';
import { httpsServer } from './http/https-server.ts';
import { listen } from './http/listen.ts';
import { createLog, type LogStream, type ProxyLog } from './log.ts';
import { createMetrics, type ProxyMetrics } from './metrics/metrics.ts';
import { XksProxyError } from './proxy-error.ts';
import { openServing, type Serving } from './serving.ts';
import { openTracing } from './tracing.ts';

/** What is not configuration, but the program's own. */
export interface StartProxyOptions {
  /** Receives one JSON line an event; nothing is logged without it. */
  readonly log?: LogStream;
  /** Makes the next version of a key that has nearly encrypted all it may, if the configuration wants that. */
  readonly rotateKey?: RotateKey;
  /** The number of this process, from 1 on, if several serve one port: each has its own audit records and admin port. */
  readonly worker?: number | undefined;
}

/** A listening proxy. */
export interface RunningProxy {
  readonly url: string;
  readonly port: number;
  /** Of the listener for operators, if there is one. */
  readonly adminPort: number | undefined;
  /**
   * Serves another configuration from now on; requests under way finish with the one that they came in under. All or
   * nothing: rejects with XksProxyError `TOKEN_UNAVAILABLE`, `PIN_REFUSED`, `CONFIG_INVALID` for a change that only a
   * start can make, or whatever `load` throws, and goes on as before. Only a certificate that is outside its dates does
   * not take the place of the one before; when its time comes, `load` is called again. The log tells of all that. Host
   * and port stay as they are until the next start. Waits for no request, and does nothing once the proxy is being closed.
   */
  reload(load: () => ProxyConfig): Promise<void>;
  /** Whether only another process could use all tokens, or read files, again: calls into a module never returned. */
  isStuck(): boolean;
  /** Takes no new connection, lets requests under way finish, then closes the tokens. */
  close(): Promise<void>;
}

/**
 * Opens the tokens, then listens. Throws XksProxyError `CONFIG_INVALID` for a certificate that has expired,
 * `AUDIT_UNAVAILABLE`, `TOKEN_UNAVAILABLE`, `PIN_REFUSED` or `LISTEN_FAILED`. The log tells of a certificate that is not
 * valid yet.
 *
 * @example
 * const proxy = await startProxy(config, { log: process.stdout });
 * await proxy.close();
 */
export async function startProxy(
  config: ProxyConfig,
  { log: stream, worker, rotateKey }: StartProxyOptions = {},
): Promise<RunningProxy> {
  const closers: (() => Promise<void> | void)[] = [];
  try {
    const own = configOfWorker(config, worker);
    const proxy = await start(own, createLog(stream), closers, rotateKey);
    return { ...proxy, reload: (load) => proxy.reload(() => configOfWorker(load(), worker)) };
  } catch (error) {
    for (const close of closers.toReversed()) await close();
    throw error;
  }
}

async function start(
  config: ProxyConfig,
  plainLog: ProxyLog,
  closers: (() => Promise<void> | void)[],
  rotateKey: RotateKey | undefined,
): Promise<RunningProxy> {
  refuseOutdated(config.server.tls);
  const metrics = config.admin === undefined ? undefined : createMetrics();
  closers.push(() => metrics?.close());
  const log = metrics?.counting(plainLog) ?? plainLog;
  let serving: Serving | undefined;
  let isDraining = false;
  const admin = await openAdmin(config, metrics, {
    serving: () => serving,
    isDraining: () => isDraining,
  });
  closers.push(() => admin?.close());
  const audit = config.audit === undefined ? NO_AUDIT : await openAuditTrail(config.audit, log);
  closers.push(() => audit.close());
  const observers: Observers = {
    log,
    audit,
    tracing: await openTracing(),
    calls: metrics?.calls ?? (() => () => undefined),
  };
  const budget = openIvBudget(
    config.ivBudget,
    watchBudget(() => serving?.config ?? config, log, rotateKey),
  );
  closers.push(() => budget.close());
  let current = await openServing(config, { log, budget });
  closers.push(() => current.retire());
  let app = createApp(current, observers);
  const { server, secure, stop } = httpsServer(config.server.tls, (...http) => void app(...http), log);
  const port = await listen(server, config.server);
  // Such as EMFILE for a connection that cannot be taken: without a listener it would end the process.
  server.on('error', (error) => log.serverError(error));
  serving = current;
  const { host } = config.server;
  log.listening({ host, port, adminPort: admin?.port, ...served(current) });
  const problem = datesProblem(new X509Certificate(config.server.tls.certificate));
  if (problem !== undefined) log.certificateNotValid({ problem, isServed: true });
  // Not before: whoever finds the port taken has not started.
  await recordEvent(audit, 'started', current);

  // Those that still have requests under way: it is their clients who decide how long that takes.
  const retiring = new Set<Promise<unknown>>();
  const retire = (before: Serving): void => {
    const retired: Promise<unknown> = before
      .retire()
      .catch((error: unknown) => log.serverError(error))
      .then(() => retiring.delete(retired));
    retiring.add(retired);
  };
  // One at a time: each takes over from the one before.
  let reloading = Promise.resolve();
  const queue = (load: () => ProxyConfig): Promise<void> => {
    const done = reloading.then(() => reload(load));
    reloading = done.catch(() => undefined);
    return done;
  };
  let forget = (): void => undefined;
  const reload = async (load: () => ProxyConfig): Promise<void> => {
    if (isDraining) return;
    const before = current;
    let keptOut: Followed['keptOut'];
    try {
      const after = followed(load(), before.config);
      ({ keptOut } = after);
      current = await replacement(after.config, before, secure, log);
      serving = current;
      app = createApp(current, observers);
    } catch (error) {
      log.reloadRefused(error instanceof XksProxyError ? error.message.split('\n') : [], error);
      await recordEvent(audit, 'reload-refused', before);
      throw error;
    }
    log.reloaded(served(current));
    forget();
    if (keptOut !== undefined) log.certificateNotValid({ problem: keptOut.problem, isServed: false });
    // What is refused then is in the log.
    const again = () => void queue(load).catch(() => undefined);
    if (keptOut?.validFromMs !== undefined) forget = atInstant(keptOut.validFromMs, again);
    retire(before);
    await recordEvent(audit, 'reloaded', current);
  };
  return {
    url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    adminPort: admin?.port,
    reload: queue,
    isStuck: () => current.fleet.isStuck(),
    async close() {
      isDraining = true;
      await Promise.all([stop(), reloading]);
      forget();
      await Promise.all([...retiring, current.retire()]);
      budget.close();
      await recordEvent(audit, 'stopped', current);
      await audit.close();
      await admin?.close();
      metrics?.close();
      log.stopped();
    },
  };
}

/** What takes the place of `before`, on a server that has its certificate already. */
async function replacement(
  config: ProxyConfig,
  before: Serving,
  secure: (tls: TlsConfig) => void,
  log: ProxyLog,
): Promise<Serving> {
  refuseLateChanges(before.config, config);
  const opened = await openServing(config, { log, budget: before.budget }, before);
  try {
    secure(config.server.tls);
    return opened;
  } catch (error) {
    await opened.retire();
    throw error;
  }
}

async function openAdmin(
  { admin }: ProxyConfig,
  metrics: ProxyMetrics | undefined,
  state: { readonly serving: () => Serving | undefined; readonly isDraining: () => boolean },
): Promise<AdminListener | undefined> {
  if (admin === undefined || metrics === undefined) return undefined;
  const readiness = async (): Promise<Readiness> => {
    const serving = state.serving();
    if (state.isDraining()) return 'draining';
    if (serving === undefined) return 'starting';
    return (await serving.isOut()) ? 'no-token' : 'ready';
  };
  return openAdminListener(admin, { readiness, metrics: () => metrics.scrape(state.serving()) });
}

/** An event that is no request; its record holds up nothing. */
async function recordEvent(
  audit: AuditTrail,
  event: 'started' | 'reloaded' | 'reload-refused' | 'stopped',
  { stores }: Serving,
): Promise<void> {
  const fields = () => ({ stores: stores.map(({ name }) => name).join(' '), pid: process.pid });
  await audit.append(event, fields, EVENT_TIMEOUT_MS).catch(() => undefined);
}

/** What the log says of it. */
function served({ fleet, stores }: Serving) {
  const tokens = fleet.members.map(({ token, id }) => ({ name: token.config.name, serial: id }));
  return { tokens, stores: stores.map(({ name }) => name) };
}

const EVENT_TIMEOUT_MS = 1_000;
