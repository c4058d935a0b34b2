import { resolve } from 'node:path';
import type { Command } from 'commander';
import type { ProxyConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { watchFiles } from '../config/watch.ts';
import { type RunningProxy, startProxy } from '../server.ts';
import { EXIT, reported } from './exit.ts';

/** `xks-proxy serve`: the proxy itself. */
export function addServe(program: Command): void {
  program
    .command('serve')
    .description('listen for requests from AWS KMS; one JSON log line an event on stdout')
    .requiredOption('--config <file>', 'configuration file (TOML)')
    .action(({ config }: { config: string }) =>
      reported(async () => {
        const [signalled, lost] = [firstSignal(), logLost()];
        const proxy = await serve(resolve(config));
        void signalled.then(() => proxy.close());
        void lost.then((error) => stopWithoutLog(proxy, error));
      }),
    );
}

/** Starts a proxy that follows its configuration: at a change of its files, and at SIGHUP. */
async function serve(configFile: string): Promise<RunningProxy> {
  let config: ProxyConfig = loadConfig(configFile);
  const proxy = await startProxy(config, { log: process.stdout });
  const reload = (): void => {
    void proxy
      .reload(() => {
        const next = loadConfig(configFile);
        config = next;
        return next;
      })
      // It is in the log, and the proxy goes on as before.
      .catch(() => undefined);
  };
  const watch = watchFiles({ files: () => [configFile, ...config.files], onChange: reload });
  process.on('SIGHUP', reload);
  return {
    ...proxy,
    async close() {
      watch.close();
      process.off('SIGHUP', reload);
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

/** Resolves when a log line cannot be written, for example because the reader of a pipe is gone. */
function logLost(): Promise<Error> {
  return new Promise((resolve) => void process.stdout.on('error', resolve));
}

/** A proxy that serves keys without a log would go unnoticed: whoever watches the process is to hear of it. */
function stopWithoutLog(proxy: RunningProxy, { message }: Error): void {
  process.exitCode = EXIT.logLost;
  process.stderr.on('error', () => undefined);
  process.stderr.write(`the log cannot be written any more, so the proxy stops: ${message}\n`);
  void proxy.close();
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
