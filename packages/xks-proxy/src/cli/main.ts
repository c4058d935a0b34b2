#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Command } from 'commander';
import { parseConfig } from '../config.ts';
import { XksProxyError } from '../proxy-error.ts';
import { type RunningProxy, startProxy } from '../server.ts';
import { PRODUCT_VERSION } from '../version.ts';

const program = new Command('xks-proxy')
  .description('AWS KMS External Key Store proxy in front of a PKCS#11 token')
  .version(PRODUCT_VERSION);

program
  .command('serve')
  .description('listen for requests from AWS KMS; one JSON log line an event on stdout')
  .requiredOption('--config <file>', 'configuration file (TOML)')
  .action(async ({ config }: { config: string }) => {
    try {
      stopOnSignals(await serve(config));
    } catch (error) {
      if (!(error instanceof XksProxyError)) throw error;
      process.stderr.write(`${error.message}\n`);
      process.exitCode = error.code === 'CONFIG_INVALID' ? 2 : 1;
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

function stopOnSignals(proxy: RunningProxy): void {
  const stop = () => {
    for (const signal of SIGNALS) process.off(signal, stop);
    void proxy.close();
  };
  for (const signal of SIGNALS) process.on(signal, stop);
}

// After the first one the default is back: a second signal ends the process at once.
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

await program.parseAsync();
