import { type Command, InvalidArgumentError, Option } from 'commander';
import { startControl } from '../control.ts';
import { DEFAULTS } from '../defaults.ts';
import type { AuthMode } from '../identity/auth-mode.ts';
import { readPrincipals } from '../identity/principals-file.ts';
import type { ListeningKms } from '../listening.ts';
import { createLocalKms, type LocalKms, type LocalKmsOptions } from '../local-kms.ts';
import type { LogRecord } from '../log.ts';
import { readSeed } from '../seed.ts';
import { type AuditFile, openAuditFile } from './audit-file.ts';
import { EXIT } from './exit.ts';
import { firstSignal } from './first-signal.ts';
import { optionText } from './option-file.ts';
import {
  addProtectionOptions,
  addStoreOptions,
  type ProtectionOptions,
  type StoreOptions,
  stateOf,
} from './state-options.ts';

interface ServeOptions extends StoreOptions, ProtectionOptions {
  readonly host: string;
  readonly port: number;
  readonly region: string;
  readonly account: string;
  readonly xksHost: Readonly<Record<string, string>>;
  readonly xksCa?: string;
  readonly xksClientCert?: string;
  readonly xksClientKey?: string;
  readonly xksTimeout: number;
  readonly xksHealthInterval: number;
  readonly seed?: string;
  readonly idSeed?: string;
  readonly principals?: string;
  readonly auth: AuthMode;
  readonly grantDelay: number;
  readonly audit?: string;
  readonly controlPort?: number;
}

/** `local-kms serve`: the KMS itself. */
export function addServeCommand(program: Command): void {
  addProtectionOptions(addStoreOptions(program.command('serve')))
    .description('serve until SIGINT or SIGTERM; one JSON line an event on stdout')
    .option('--host <address>', 'address to listen at', DEFAULTS.host)
    .option('--port <number>', 'port to listen at, 0 for any that is free', portNumber, 4599)
    .option('--region <region>', 'AWS Region of requests that are signed for none', DEFAULTS.region)
    .option('--account <id>', '12-digit AWS account id', DEFAULTS.accountId)
    .option(
      '--xks-host <host=address:port>',
      'where the host of a proxy endpoint is; repeatable',
      hostMapping,
      {},
    )
    .option('--xks-ca <file>', 'PEM certificates to trust in proxies besides the public authorities')
    .option('--xks-client-cert <file>', 'PEM certificate for proxies that ask for one')
    .option('--xks-client-key <file>', 'PEM private key of that certificate')
    .option(
      '--xks-timeout <milliseconds>',
      'the longest a proxy may take to answer',
      wholeNumber,
      DEFAULTS.xksTimeoutMs,
    )
    .option(
      '--xks-health-interval <seconds>',
      'how often proxies are asked for their health',
      wholeNumber,
      DEFAULTS.xksHealthIntervalMs / 1000,
    )
    .option('--seed <file>', 'YAML or JSON of the keys and aliases to begin with')
    .option('--id-seed <text>', 'makes ids the same in every run that does the same')
    .option('--principals <file>', 'YAML or JSON of accounts, users, roles and their access keys')
    .addOption(
      new Option('--auth <mode>', 'what becomes of signatures, policies and grants')
        .choices(['off', 'log', 'enforce'])
        .default(DEFAULTS.auth),
    )
    .option(
      '--grant-delay <milliseconds>',
      'how long a new grant needs its token',
      wholeNumber,
      DEFAULTS.grantDelayMs,
    )
    .option('--audit <file>', 'file to append an event of every call to')
    .option('--control-port <number>', 'port on 127.0.0.1 for resets and moves of the clock', portNumber)
    .action(async (options: ServeOptions) => {
      const audit = options.audit === undefined ? undefined : await openAuditFile(options.audit);
      const state = lostState();
      const kms = configuredKms(options, audit, state.watch);
      const signalled = firstSignal();
      const lost = Promise.race([logLost(), state.lost, ...(audit ? [audit.lost] : [])]);
      const listening = await withControl(kms, await kms.listen(options), options.controlPort);
      void signalled.then(() => listening.close()).catch(() => undefined);
      void lost.then((error) => stopWithoutRecord(listening, error));
    });
}

/** Adds the server for resets and moves of the clock, if a port for it is given. */
async function withControl(
  kms: LocalKms,
  listening: ListeningKms,
  port: number | undefined,
): Promise<ListeningKms> {
  if (port === undefined) return listening;
  const onError = ({ code, name }: NodeJS.ErrnoException): void =>
    printLine({ event: 'server-error', cause: code ?? name });
  const control = await startControl(kms, { port, onError }).catch(async (error: unknown) => {
    await listening.close();
    throw error;
  });
  printLine({ event: 'control-listening', url: control.url });
  return {
    url: listening.url,
    async close() {
      await control.close();
      await listening.close();
    },
  };
}

function configuredKms(
  { region, account, seed, idSeed, principals, auth, grantDelay, ...options }: ServeOptions,
  audit: AuditFile | undefined,
  watch: (record: LogRecord) => void,
): LocalKms {
  const state = stateOf(options);
  return createLocalKms({
    ...(principals !== undefined && { principals: readPrincipals(optionText(principals)) }),
    auth,
    grantDelayMs: grantDelay,
    ...(audit && { audit: audit.write }),
    region,
    accountId: account,
    xksHosts: options.xksHost,
    ...(options.xksCa !== undefined && { xksCertificateAuthorities: optionText(options.xksCa) }),
    ...clientCertificate(options),
    xksTimeoutMs: options.xksTimeout,
    xksHealthIntervalMs: options.xksHealthInterval * 1000,
    ...(seed !== undefined && { seed: readSeed(optionText(seed)) }),
    ...(idSeed !== undefined && { idSeed }),
    ...(state && { state }),
    log(record) {
      printLine(record);
      watch(record);
    },
  });
}

function clientCertificate({
  xksClientCert,
  xksClientKey,
}: Pick<ServeOptions, 'xksClientCert' | 'xksClientKey'>): Pick<LocalKmsOptions, 'xksClientCertificate'> {
  if (xksClientCert === undefined && xksClientKey === undefined) return {};
  if (xksClientCert === undefined || xksClientKey === undefined) {
    throw new RangeError('--xks-client-cert and --xks-client-key: expected both or neither');
  }
  const [certificatePem, keyPem] = [optionText(xksClientCert), optionText(xksClientKey)];
  return { xksClientCertificate: { certificatePem, keyPem } };
}

function printLine(record: LogRecord): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...record })}\n`);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('A whole number is expected.');
  return Number(text);
}

function portNumber(text: string): number {
  const port = wholeNumber(text);
  if (port > MAX_PORT) throw new InvalidArgumentError(`A port from 0 to ${MAX_PORT} is expected.`);
  return port;
}

function hostMapping(text: string, others: ServeOptions['xksHost']): ServeOptions['xksHost'] {
  const [, host, address] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  if (host === undefined || address === undefined)
    throw new InvalidArgumentError('host=address:port is expected.');
  return { ...others, [host]: address };
}

/** Resolves when a log line cannot be written, for example because the reader of a pipe is gone. */
function logLost(): Promise<Error> {
  return new Promise((resolve) => void process.stdout.on('error', resolve));
}

/** Resolves when the state cannot be kept any more, as a record of the log says. */
function lostState(): { readonly lost: Promise<Error>; readonly watch: (record: LogRecord) => void } {
  let resolveLost: (error: Error) => void = () => undefined;
  const lost = new Promise<Error>((resolve) => {
    resolveLost = resolve;
  });
  return {
    lost,
    watch(record) {
      if (record.event === 'state-lost') resolveLost(new Error(`the state: ${record.cause}`));
    },
  };
}

function stopWithoutRecord(listening: ListeningKms, { message }: Error): void {
  process.exitCode = EXIT.recordLost;
  process.stderr.on('error', () => undefined);
  process.stderr.write(`what happens cannot be written down any more, so local-kms stops: ${message}\n`);
  // That changes cannot be stored has been reported.
  listening.close().catch(() => undefined);
}

const MAX_PORT = 65_535;
