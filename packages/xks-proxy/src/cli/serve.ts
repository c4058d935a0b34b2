import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { refuseOutdated } from '../config/certificate-dates.ts';
import {
  keepForStart,
  parseStartSettings,
  type StartSettings,
  startSettings,
} from '../config/late-changes.ts';
import { loadConfig } from '../config/load.ts';
import { watchFiles } from '../config/watch.ts';
import { rotateInProcess } from '../keys/rotation-process.ts';
import type { LogStream } from '../log.ts';
import { batchedLines } from '../log-batch.ts';
import { XksProxyError } from '../proxy-error.ts';
import { type ServedProxy, startProxy } from '../server.ts';
import { joinSupervisor } from '../supervision/supervised.ts';
import { type SupervisorEvent, supervise, workerNumber } from '../supervision/supervisor.ts';
import { EXIT, runCommand } from './exit.ts';
import { invocation, quoted, shortPath } from './invocation.ts';
import { standardOutput } from './standard-output.ts';

/** `xks-proxy serve`: runs the proxy. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('listen for requests from AWS KMS; one JSON log line an event on stdout')
    .requiredOption('--config <file>', 'configuration file (TOML)')
    .option('--workers <n>', 'processes on one port, which are replaced when they die or hang', processCount)
    .action(({ config, workers }: { config: string; workers?: number }) =>
      runCommand(async () => {
        const output = standardOutput();
        const lost = logLost(output);
        const isSupervised = workerNumber() !== undefined;
        if (workers === undefined || isSupervised) return serveHere(resolve(config), { output, lost });
        // A problem of the configuration is reported once, and not by every process.
        const loaded = loadConfig(config);
        refuseOutdated(loaded.server.tls);
        process.exitCode = await supervise({
          processes: workers,
          settings: startSettings(loaded),
          onEvent: logSupervision(batchedLines(output, { isShared: true })),
          fatal: lost,
          fatalStatus: EXIT.logLost,
          haltStatus: EXIT.pinRefused,
        });
        leave(output);
      }),
    );
}

/** The stream for log lines, and what resolves when it cannot be written any more. */
interface LogOutput {
  readonly output: Writable;
  readonly lost: Promise<unknown>;
}

/** Serves in this process until a signal, or its supervisor, stops it, or it can serve no longer. */
async function serveHere(configFile: string, { output, lost }: LogOutput): Promise<void> {
  const supervised = workerNumber() === undefined ? undefined : joinSupervisor();
  const stopped = supervised?.stopped ?? firstSignal();
  try {
    // A supervisor of an earlier version does not send any.
    const sent =
      supervised &&
      (await Promise.race([supervised.settings, sleep(SETTINGS_MS, undefined, { ref: false })]));
    const settings = sent === undefined ? undefined : parseStartSettings(sent);
    const proxy = await serve(configFile, output, settings).catch((error: unknown) => {
      throw withDoctor(error, configFile);
    });
    const reason = await Promise.race([stopped, lost, stuck(proxy)]);
    if (reason === STUCK) {
      failed(EXIT.failed, `${STUCK}, so the proxy stops: only another process can use them again`);
      // Closing its files may wait for threads of libuv that calls to the token block.
      leave(output);
    }
    await proxy.close();
  } finally {
    supervised?.leave();
    leave(output);
  }
}

/** The error of a start; for a token that cannot be opened, with the command that finds out why. */
function withDoctor(error: unknown, configFile: string): unknown {
  if (!(error instanceof XksProxyError && error.code === 'TOKEN_UNAVAILABLE')) return error;
  const remedy = `run ${invocation()} doctor --config ${quoted(shortPath(configFile))}`;
  return new XksProxyError(error.code, `${error.message}; ${remedy}`, { cause: error.cause });
}

/**
 * Ends the process: without log lines that no reader takes, and by force if a thread whose call into a module never returns
 * keeps it alive.
 */
function leave(output: Writable): void {
  setTimeout(() => output.destroy(), UNREAD_MS).unref();
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), LEFT_OVER_MS).unref();
}

/**
 * Starts a proxy that reloads its configuration at a change of its files and at SIGHUP. A change during the start is
 * loaded right after it.
 *
 * @param settings what the processes beside this one were started with, if there are any
 */
async function serve(
  configFile: string,
  output: Writable,
  settings: StartSettings | undefined,
): Promise<ServedProxy> {
  const reload = (): void => {
    void starting
      .then((proxy) => proxy.reload(load))
      // The log has the failure, and the proxy goes on as before.
      .catch(() => undefined);
  };
  const watch = watchFiles({ onChange: reload });
  const load = () => watch.reading((onRead) => loadConfig(configFile, undefined, onRead));
  const loaded = load();
  const { config, awaitingStart } = keepForStart(loaded, settings ?? loaded);
  const worker = workerNumber();
  // The listener stays: without it the signal would end the process.
  process.on('SIGHUP', reload);
  const starting = startProxy(config, {
    log: batchedLines(output, { isShared: worker !== undefined }),
    worker,
    // The watch over the files sees the new version, and reloads the configuration.
    rotateKey: ({ store, externalKeyId, version }) =>
      rotateInProcess({ place: { configFile, store }, externalKeyId, expected: version }),
  });
  const proxy = await starting;
  // So that log and metrics tell of it.
  if (awaitingStart.length > 0) reload();
  return {
    ...proxy,
    async close() {
      watch.close();
      await proxy.close();
    },
  };
}

/** Resolves at the first signal, and restores the default: a second signal ends the process at once. */
function firstSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      for (const signal of SIGNALS) process.off(signal, stop);
      resolve();
    };
    for (const signal of SIGNALS) process.on(signal, stop);
  });
}

/** Resolves when only another process could serve, since calls into modules never returned. */
function stuck(proxy: ServedProxy): Promise<typeof STUCK> {
  return new Promise((resolve) => {
    const watch = setInterval(() => {
      if (!proxy.isStuck()) return;
      clearInterval(watch);
      resolve(STUCK);
    }, STUCK_INTERVAL_MS).unref();
  });
}

/**
 * Resolves when a log line cannot be written, for example because the reader of a pipe is gone, and reports it. A proxy that
 * serves keys without a log must not go unnoticed by the supervisor of the process.
 */
function logLost(output: Writable): Promise<void> {
  return new Promise((resolve) => {
    output.once('error', ({ message }) => {
      // Later lines fail in the same way.
      output.on('error', () => undefined);
      failed(EXIT.logLost, `the log cannot be written any more, so the proxy stops: ${message}`);
      resolve();
    });
  });
}

/** Sets the exit status, and prints the reason on stderr if that still has a reader. */
function failed(status: number, text: string): void {
  process.exitCode = status;
  process.stderr.on('error', () => undefined);
  process.stderr.write(`${text}\n`);
}

function processCount(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a number from 1 to 99');
}

/** Logs events of the supervisor, in the form and the pipe of the proxy's own lines. */
function logSupervision(log: LogStream): (event: SupervisorEvent) => void {
  return ({ event, isAsked, ...details }) => {
    const level = event === 'worker-started' || isAsked === true ? 'info' : 'warn';
    log.write(`${JSON.stringify({ level, time: new Date().toISOString(), event, ...details })}\n`);
  };
}

const STUCK = 'all tokens hang, or all threads of libuv';
/** Many times what a supervisor takes. */
const SETTINGS_MS = 5000;
const UNREAD_MS = 1500;
const LEFT_OVER_MS = 2000;
const STUCK_INTERVAL_MS = 1000;
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
