#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { createLocalKms } from '../local-kms.ts';
import type { LogRecord } from '../log.ts';

interface ServeOptions {
  readonly host: string;
  readonly port: number;
  readonly region: string;
  readonly account: string;
  readonly xksHost: Readonly<Record<string, string>>;
  readonly xksCa?: string;
  readonly xksTimeout: number;
}

const program = new Command('local-kms').description(
  'The AWS KMS API on this machine, for development and tests.',
);

program
  .command('serve')
  .description('serve until SIGINT or SIGTERM; one JSON line an event on stdout')
  .option('--host <address>', 'address to listen at', '127.0.0.1')
  .option('--port <number>', 'port to listen at, 0 for any that is free', wholeNumber, 4599)
  .option('--region <region>', 'AWS Region in ARNs and XKS signatures', 'us-east-1')
  .option('--account <id>', '12-digit AWS account id', '000000000000')
  .option(
    '--xks-host <host=address:port>',
    'where the host of a proxy endpoint is; repeatable',
    hostMapping,
    {},
  )
  .option('--xks-ca <file>', 'PEM certificates to trust in proxies besides the public authorities')
  .option('--xks-timeout <milliseconds>', 'the longest a proxy may take to answer', wholeNumber, 250)
  .action(async (options: ServeOptions) => {
    try {
      await serve(options);
    } catch (error) {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 1;
    }
  });

async function serve({
  host,
  port,
  region,
  account,
  xksHost,
  xksCa,
  xksTimeout,
}: ServeOptions): Promise<void> {
  const kms = createLocalKms({
    region,
    accountId: account,
    xksHosts: xksHost,
    ...(xksCa !== undefined && { xksCertificateAuthorities: readFileSync(xksCa, 'utf8') }),
    xksTimeoutMs: xksTimeout,
    log: printLine,
  });
  const listening = await kms.listen({ host, port });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void listening.close());
}

function printLine(record: LogRecord): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...record })}\n`);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('A whole number is expected.');
  return Number(text);
}

function hostMapping(text: string, others: ServeOptions['xksHost']): ServeOptions['xksHost'] {
  const [, host, address] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (host === undefined || address === undefined)
    throw new InvalidArgumentError('host=address:port is expected.');
  return { ...others, [host]: address };
}

await program.parseAsync();
