import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CallObserver } from '../devices/call-watch.ts';
import type { ProxyLog } from '../log.ts';
import type { Serving } from '../serving.ts';
import { XksException } from '../xks-exception.ts';
import { METRIC_PREFIX, METRICS, type MetricName } from './names.ts';
import { servingGauges } from './serving-gauges.ts';

/** The metrics of one process, as Prometheus reads them. */
export interface ProxyMetrics {
  /** Wraps a log: counts its events, and passes them on. */
  counting(log: ProxyLog): ProxyLog;
  /** Measures calls to tokens. */
  readonly calls: CallObserver;
  /** The text for Prometheus, and its content type; `serving` is what the proxy serves now. */
  scrape(serving: Serving | undefined): Promise<{ readonly text: string; readonly contentType: string }>;
  close(): void;
}

/** Metrics in a registry of their own, apart from those of the host application. */
export function createMetrics(): ProxyMetrics {
  const registry = new Registry();
  const registers = [registry];
  const named = (name: MetricName) => ({
    name: `${METRIC_PREFIX}${name}`,
    help: METRICS[name].help,
    labelNames: [...METRICS[name].labels],
    registers,
  });
  const counter = (name: MetricName) => new Counter(named(name));
  const gauge = (name: MetricName) => new Gauge(named(name));
  const histogram = (name: MetricName) => new Histogram({ ...named(name), buckets: [...BUCKETS_SECONDS] });

  const requests = counter('requests_total');
  const requestDurations = histogram('request_duration_seconds');
  const callDurations = histogram('token_call_duration_seconds');
  const connections = counter('connections_refused_total');
  const serverErrors = counter('server_errors_total');
  const reloads = counter('reloads_total');
  const awaitingStart = gauge('settings_awaiting_start');
  const auditFailures = counter('audit_failures_total');
  const cpu = counter('cpu_seconds_total');
  const memory = gauge('resident_memory_bytes');
  const loopDelay = gauge('event_loop_delay_seconds');
  gauge('start_time_seconds').set(Math.round(performance.timeOrigin / 1000));
  const ofServing = servingGauges(gauge);
  const loop = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  loop.enable();
  let cpuSeconds = 0;

  const ofProcess = (): void => {
    const { user, system } = process.cpuUsage();
    const nowSeconds = (user + system) / 1e6;
    cpu.inc(Math.max(nowSeconds - cpuSeconds, 0));
    cpuSeconds = nowSeconds;
    memory.set(process.memoryUsage.rss());
    for (const quantile of LOOP_QUANTILES) {
      // The histogram has the times between ticks of the monitor, and each includes the interval itself.
      const delayMs = Math.max(0, loop.percentile(quantile * 100) / 1e6 - LOOP_RESOLUTION_MS);
      loopDelay.set({ quantile: String(quantile) }, delayMs / 1000);
    }
    loop.reset();
  };

  return {
    counting: (log) => ({
      ...log,
      request(record) {
        const { store = '', operation = '', error, durationMs } = record;
        const outcome = error?.errorName ?? 'success';
        requests.inc({ store, operation, outcome });
        if (durationMs !== undefined) requestDurations.observe({ operation, outcome }, durationMs / 1000);
        log.request(record);
      },
      connectionRefused(stage, cause) {
        connections.inc({ stage });
        log.connectionRefused(stage, cause);
      },
      serverError(cause) {
        serverErrors.inc();
        log.serverError(cause);
      },
      reloaded(event) {
        reloads.inc({ outcome: 'success' });
        awaitingStart.set(event.awaitingStart.length);
        log.reloaded(event);
      },
      reloadRefused(problems, cause) {
        reloads.inc({ outcome: 'refused' });
        log.reloadRefused(problems, cause);
      },
      auditFailed(cause) {
        auditFailures.inc();
        log.auditFailed(cause);
      },
    }),
    calls(call) {
      return ({ device: token, tokenMs, error }) => {
        const outcome =
          error instanceof XksException ? error.errorName : error === undefined ? 'success' : 'error';
        callDurations.observe({ token, call, outcome }, tokenMs / 1000);
      };
    },
    async scrape(serving) {
      ofProcess();
      if (serving !== undefined) await ofServing(serving);
      return { text: await registry.metrics(), contentType: registry.contentType };
    },
    close: () => loop.disable(),
  };
}

// Around the 250 ms that KMS waits, and down to the time of a token inside the process.
const BUCKETS_SECONDS = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1,
] as const;
const LOOP_QUANTILES = [0.5, 0.99, 1] as const;
const LOOP_RESOLUTION_MS = 10;
