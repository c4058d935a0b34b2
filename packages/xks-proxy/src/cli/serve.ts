import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { refuseOutdated } from '../config/certificate-dates.ts';
import { loadConfig } from '../config/load.ts';
import { watchFiles } from '../config/watch.ts';
import { rotateInProcess } from '../keys/rotation-process.ts';
import { batchedLines } from '../log-batch.ts';
import { type RunningProxy, startProxy } from '../server.ts';
import { joinSupervisor, type Supervised } from '../supervision/supervised.ts';
import { type SupervisorEvent, supervise, workerNumber } from '../supervision/supervisor.ts';
import { EXIT, reported } from './exit.ts';

/** `xks-proxy serve`: the proxy itself. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('listen for requests from AWS KMS; one JSON log line an event on stdout')
    .requiredOption('--config <file>', 'configuration file (TOML)')
    .option('--workers <n>', 'processes on one port, which are replaced when they die or hang', processCount)
    .action(({ config, workers }: { config: string; workers?: number }) =>
      reported(async () => {
        const isSupervised = workerNumber() !== undefined;
        if (workers === undefined || isSupervised) return serveHere(resolve(config), isSupervised);
        // What is wrong with it is told once, and not by every process.
        refuseOutdated(loadConfig(config).server.tls);
        process.exitCode = await supervise({
          processes: workers,
          onEvent: logSupervision,
          fatalStatus: EXIT.logLost,
          hopelessStatus: EXIT.pinRefused,
        });
      }),
    );
}

/** Serves in this process until a signal, or its supervisor, stops it. */
async function serveHere(configFile: string, isSupervised: boolean): Promise<void> {
  const supervised = isSupervised ? joinSupervisor() : undefined;
  const [stopped, lost] = [supervised?.stopped ?? firstSignal(), logLost()];
  const proxy = await serve(configFile).catch((error: unknown) => {
    leave(supervised);
    throw error;
  });
  const end = async () => {
    await proxy.close();
    leave(supervised);
  };
  void stopped.then(end);
  if (isSupervised) void stuck(proxy).then(end);
  void lost.then((error) => stopWithoutLog(end, error));
}

/** Ends the process: by itself, or by force where a thread keeps it whose call into a module never returns. */
function leave(supervised: Supervised | undefined): void {
  supervised?.leave();
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), LEFT_OVER_MS).unref();
}

/**
 * Starts a proxy that follows its configuration: at a change of its files, and at SIGHUP. What comes during the start is
 * followed right after it.
 */
async function serve(configFile: string): Promise<RunningProxy> {
  const reload = (): void => {
    void starting
      .then((proxy) => proxy.reload(load))
      // It is in the log, and the proxy goes on as before.
      .catch(() => undefined);
  };
  const watch = watchFiles({ onChange: reload });
  const load = () => watch.reading((onRead) => loadConfig(configFile, undefined, onRead));
  const config = load();
  // Never taken back: without it the signal would end the process.
  process.on('SIGHUP', reload);
  const starting = startProxy(config, {
    log: batchedLines(process.stdout),
    worker: workerNumber(),
    // The watch over the files sees the new version and has the proxy follow.
    rotateKey: ({ store, externalKeyId, version }) =>
      rotateInProcess({ place: { configFile, store }, externalKeyId, expected: version }),
  });
  const proxy = await starting;
  return {
    ...proxy,
    async close() {
      watch.close();
      await proxy.close();
    },
  };
}

/** After the first signal the default is back: a second one ends the process at once. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      for (const signal of SIGNALS) process.off(signal, stop);
      resolve();
    };
    for (const signal of SIGNALS) process.on(signal, stop);
  });
}

/** Resolves when the proxy is better replaced by another process. */
function stuck(proxy: RunningProxy): Promise<void> {
  return new Promise((resolve) => {
    const watch = setInterval(() => {
      if (!proxy.isStuck()) return;
      clearInterval(watch);
      resolve();
    }, STUCK_INTERVAL_MS).unref();
  });
}

/** Resolves when a log line cannot be written, for example because the reader of a pipe is gone. */
function logLost(): Promise<Error> {
  return new Promise((resolve) => void process.stdout.on('error', resolve));
}

/** A proxy that serves keys without a log would go unnoticed: whoever watches the process is to hear of it. */
function stopWithoutLog(end: () => Promise<void>, { message }: Error): void {
  process.exitCode = EXIT.logLost;
  process.stderr.on('error', () => undefined);
  process.stderr.write(`the log cannot be written any more, so the proxy stops: ${message}\n`);
  void end();
}

function processCount(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a number from 1 to 99');
}

/** As the proxy's own lines are. */
function logSupervision({ event, ...details }: SupervisorEvent): void {
  const level = event === 'worker-started' ? 'info' : 'warn';
  const line = { level, time: new Date().toISOString(), event, ...details };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

const LEFT_OVER_MS = 2000;
const STUCK_INTERVAL_MS = 1000;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
