#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { parseConfig } from '../config.ts';
import { XksProxyError } from '../proxy-error.ts';
import { type RunningProxy, startProxy } from '../server.ts';
import { PRODUCT_VERSION } from '../version.ts';

const program = new Command('xks-proxy')
  .description('AWS KMS External Key Store proxy in front of a PKCS#11 token')
  .version(PRODUCT_VERSION)
  .exitOverride();

program
  .command('serve')
  .description('listen for requests from AWS KMS; one JSON log line an event on stdout')
  .requiredOption('--config <file>', 'configuration file (TOML)')
  .action(async ({ config }: { config: string }) => {
    try {
      const [signalled, lost] = [firstSignal(), logLost()];
      const proxy = await serve(config);
      void signalled.then(() => proxy.close());
      void lost.then((error) => stopWithoutLog(proxy, error));
    } catch (error) {
      if (!(error instanceof XksProxyError)) throw error;
      process.stderr.write(`${error.message}\n`);
      process.exitCode = error.code === 'CONFIG_INVALID' ? EXIT.usage : EXIT.startFailed;
    }
  });

async function serve(configFile: string): Promise<RunningProxy> {
  const path = resolve(configFile);
  let toml: string;
  try {
    toml = await readFile(path, 'utf8');
  } catch (cause) {
    throw new XksProxyError('CONFIG_INVALID', `cannot read ${path}`, { cause });
  }
  return startProxy(parseConfig(toml, { baseDirectory: dirname(path) }), { log: process.stdout });
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
const EXIT = { startFailed: 1, usage: 2, logLost: 3 } as const;

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
}
