import { X509Certificate } from 'node:crypto';
import { type AdminListener, openAdminListener, type Readiness } from './admin/listener.ts';
import { createApp } from './app.ts';
import { type AuditTrail, NO_AUDIT, openAuditTrail } from './audit/trail.ts';
import { openIvBudget } from './budget/iv-budget.ts';
import { type RotateKey, watchBudget } from './budget/watch-budget.ts';
import { datesProblem, refuseOutdated } from './config/certificate-dates.ts';
import type { ProxyConfig } from './config/config.ts';
import { configOfWorker } from './config/worker-config.ts';
import type { Observers } from './gate.ts';
import { httpsServer } from './http/https-server.ts';
import { listen } from './http/listen.ts';
import { rotationObstacles } from './keys/rotation-obstacles.ts';
import { createLog, type LogStream, type ProxyLog } from './log.ts';
import { createMetrics, type ProxyMetrics } from './metrics/metrics.ts';
import { XksProxyError } from './proxy-error.ts';
import { reloading } from './reloading.ts';
import { openServing, type Serving, servedFields } from './serving.ts';
import { openTracing } from './tracing.ts';

/** Options of the program itself, which are not configuration. */
export interface StartProxyOptions {
  /** Receives one JSON line an event; nothing is logged without it. */
  readonly log?: LogStream | undefined;
}

/** Options that only `xks-proxy serve` has. */
export interface ServeOptions extends StartProxyOptions {
  /** Makes the next version of a key that has nearly encrypted all it may, if the configuration wants that. */
  readonly rotateKey?: RotateKey;
  /** The number of this process, from 1 on, if several serve one port: each has its own audit records and admin port. */
  readonly worker?: number | undefined;
}

/** A listening proxy. */
export interface RunningProxy {
  readonly url: string;
  readonly port: number;
  /** The port of the listener for operators, if there is one. */
  readonly adminPort: number | undefined;
  /**
   * Serves another configuration from now on; requests under way finish with the one that they came in under. All or
   * nothing: rejects with XksProxyError `TOKEN_UNAVAILABLE`, `PIN_REFUSED`, or whatever `load` throws, and goes on as
   * before. After a refusal, but for `PIN_REFUSED`, `load` is called again every few seconds until that, or another reload,
   * succeeds. What only a start can change stays as it is, and a certificate that is outside its dates does not take the
   * place of the one before; when its time comes, `load` is called again. The log tells of all that. Waits for no request,
   * and does nothing once the proxy is being closed.
   */
  reload(load: () => ProxyConfig): Promise<void>;
  /** Takes no new connection, lets requests under way finish, then closes the tokens. */
  close(): Promise<void>;
}

/** A listening proxy as `xks-proxy serve` sees it, which ends its process when that can serve no longer. */
export interface ServedProxy extends RunningProxy {
  /** Whether only another process could use all tokens, or read files, again: calls into a module never returned. */
  isStuck(): boolean;
}

/**
 * Opens the tokens, then listens. The log tells of a certificate that is not valid yet. Rejects with XksProxyError
 * `CONFIG_INVALID` for a certificate that has expired, or what `parseConfig` did not return; `AUDIT_UNAVAILABLE`,
 * `TOKEN_UNAVAILABLE`, `PIN_REFUSED` or
 * `LISTEN_FAILED`.
 */
export async function startProxy(
  config: ProxyConfig,
  { log: stream, worker, rotateKey }: ServeOptions = {},
): Promise<ServedProxy> {
  if (config?.server?.tls === undefined) {
    throw new XksProxyError('CONFIG_INVALID', 'config: expected what parseConfig returns');
  }
  const closers: Closer[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).toReversed()) await closer();
  };
  try {
    const own = configOfWorker(config, worker);
    const proxy = await start(own, createLog(stream), closers, rotateKey);
    return { ...proxy, reload: (load) => proxy.reload(() => configOfWorker(load(), worker)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Adds to `closers` what is to be done at the end, in the reverse order. */
async function start(
  config: ProxyConfig,
  plainLog: ProxyLog,
  closers: Closer[],
  rotateKey: RotateKey | undefined,
): Promise<Omit<ServedProxy, 'close'>> {
  refuseOutdated(config.server.tls);
  /** What is served, since it listens. */
  let serving: Serving | undefined;
  let isDraining = false;
  const metrics = config.admin === undefined ? undefined : createMetrics();
  const log = metrics?.counting(plainLog) ?? plainLog;
  closers.push(() => serving && log.stopped());
  closers.push(() => metrics?.close());
  const admin = await openAdmin(config, metrics, {
    serving: () => serving,
    isDraining: () => isDraining,
    isAuditRefusing: () => audit.isRefusing(),
  });
  closers.push(() => admin?.close());
  const audit = config.audit === undefined ? NO_AUDIT : await openAuditTrail(config.audit, log);
  closers.push(() => audit.close());
  closers.push(() => serving && recordEvent(audit, 'stopped', serving));
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
  const first = await openServing(config, { log, budget });
  let app = createApp(first, observers);
  const reloads = reloading(first, {
    log,
    isDraining: () => isDraining,
    record: (event, of) => recordEvent(audit, event, of),
    async replace(next, before) {
      const opened = await openServing(next, { log, budget }, before);
      try {
        secure(next.server.tls);
      } catch (error) {
        await opened.retire();
        throw error;
      }
      app = createApp(opened, observers);
      serving = opened;
      return opened;
    },
  });
  closers.push(() => reloads.close());
  const { server, secure, stop } = httpsServer(config.server.tls, (...http) => void app(...http), log);
  const port = await listen(server, config.server);
  closers.push(async () => {
    isDraining = true;
    await stop();
  });
  // Such as EMFILE for a connection that cannot be taken: without a listener it would end the process.
  server.on('error', (error) => log.serverError(error));
  serving = first;
  const { host } = config.server;
  log.listening({ host, port, adminPort: admin?.port, ...servedFields(first) });
  const problem = datesProblem(new X509Certificate(config.server.tls.certificate));
  if (problem !== undefined) log.certificateNotValid({ problem, isServed: true });
  // Only this process knows what the system lets it write.
  for (const obstacle of rotationObstacles(config, rotateKey !== undefined)) log.rotationImpossible(obstacle);
  // Not earlier: a process that finds the port taken has not started.
  await recordEvent(audit, 'started', first);
  return {
    url: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    adminPort: admin?.port,
    reload: (load) => reloads.reload(load),
    isStuck: () => reloads.current().fleet.isStuck(),
  };
}

async function openAdmin(
  { admin }: ProxyConfig,
  metrics: ProxyMetrics | undefined,
  state: {
    readonly serving: () => Serving | undefined;
    readonly isDraining: () => boolean;
    /** Asked only when something is served. */
    readonly isAuditRefusing: () => boolean;
  },
): Promise<AdminListener | undefined> {
  if (admin === undefined || metrics === undefined) return undefined;
  const readiness = async (): Promise<Readiness> => {
    const serving = state.serving();
    if (state.isDraining()) return 'draining';
    if (serving === undefined) return 'starting';
    if (state.isAuditRefusing()) return 'no-audit';
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

type Closer = () => Promise<void> | void;

const EVENT_TIMEOUT_MS = 1_000;
