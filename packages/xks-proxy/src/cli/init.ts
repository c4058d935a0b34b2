import { dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { askForChoices } from '../init/ask.ts';
import { defaultPathPrefix, INIT_DEFAULTS, type InitChoices, type InitResult } from '../init/choices.ts';
import { initialize } from '../init/initialize.ts';
import { findModules } from '../init/known-modules.ts';
import { EXIT, runCommand, usageError } from './exit.ts';
import { invocation, quoted, shortPath } from './invocation.ts';
import { firstLine, hostAndPort } from './options.ts';
import { print } from './print.ts';

/** `xks-proxy init`: makes all that a proxy needs. */
export function addInit(program: Command): void {
  program
    .command('init')
    .description('make all that a proxy needs: token keys, a credential, a certificate, a configuration')
    .option('--folder <folder>', 'for the configuration and its files', '.')
    .option('--module <file>', 'PKCS#11 module; default: PKCS11_MODULE, or what is found on this machine')
    .option('--token-label <text>', 'label of the token')
    .option('--pin-file <file>', 'with the PIN of the user of a token that there is', firstLine)
    .option('--initialize-token', 'initialise a new token in place of one that there is; its PINs are made')
    .option('--store <name>', 'of the external key store')
    .option('--path-prefix <path>', 'of its URI; default: / and the name of the store')
    .option('--region <region...>', 'where AWS KMS may call from')
    .option('--host-name <name>', 'that AWS KMS will call')
    .option(
      '--certificate-file <file>',
      'PEM chain; default: a certificate that vouches for itself, for trials',
    )
    .option('--key-file <file>', 'PEM private key of the certificate')
    .option(
      '--key <external-key-id...>',
      'external keys to make, or to take where the token has a key of the label',
    )
    .option('--listen <host:port>', 'where the proxy is to listen', hostAndPort)
    .option(
      '--state-dir <folder>',
      'for counts of messages, which the proxy writes; default: state in --folder',
    )
    .option('--force', 'replace configuration and certificate; keys and credentials stay, and are added to')
    .option('--yes', 'ask nothing; so it is too without a terminal')
    .action((options: InitOptions) => runCommand(() => run(options)));
}

/** The options of the command line. */
interface InitOptions {
  readonly folder: string;
  readonly module?: string;
  readonly tokenLabel?: string;
  /** The content of the file. */
  readonly pinFile?: string;
  readonly initializeToken?: boolean;
  readonly store?: string;
  readonly pathPrefix?: string;
  readonly region?: readonly string[];
  readonly hostName?: string;
  readonly certificateFile?: string;
  readonly keyFile?: string;
  readonly key?: readonly string[];
  readonly listen?: { readonly host: string; readonly port: number };
  readonly stateDir?: string;
  readonly force?: boolean;
  readonly yes?: boolean;
}

async function run(options: InitOptions): Promise<void> {
  if ((options.certificateFile === undefined) !== (options.keyFile === undefined)) {
    return usageError('give both --certificate-file and --key-file, or none');
  }
  if (options.initializeToken === true && options.pinFile !== undefined) {
    return usageError('give either --initialize-token or --pin-file');
  }
  const said = choicesOf(options);
  const asks = options.yes !== true && process.stdin.isTTY && process.stdout.isTTY;
  const choices = asks ? await askForChoices(said) : withDefaults(said);
  if (choices === 'cancelled') {
    process.exitCode = EXIT.failed;
    return;
  }
  if (typeof choices === 'string') return usageError(choices);
  printNextSteps(await initialize(choices), choices);
}

/** The choices that the options make; the others are absent. */
function choicesOf(options: InitOptions): Partial<InitChoices> & Pick<InitChoices, 'folder' | 'overwrites'> {
  const { certificateFile, keyFile, tokenLabel: label = INIT_DEFAULTS.tokenLabel, pinFile: pin } = options;
  return {
    folder: resolve(options.folder),
    overwrites: options.force === true,
    ...(options.module !== undefined && { module: resolve(options.module) }),
    ...(options.initializeToken === true && { token: { kind: 'new', label } }),
    ...(pin !== undefined && { token: { kind: 'existing', label, pin } }),
    ...(options.store !== undefined && { store: options.store }),
    ...(options.pathPrefix !== undefined && { pathPrefix: options.pathPrefix }),
    ...(options.region !== undefined && { regions: options.region }),
    ...(options.hostName !== undefined && { hostName: options.hostName }),
    ...(certificateFile !== undefined &&
      keyFile !== undefined && {
        certificate: { certificateFile: resolve(certificateFile), keyFile: resolve(keyFile) },
      }),
    ...(options.key !== undefined && { externalKeyIds: options.key }),
    ...options.listen,
    ...(options.stateDir !== undefined && { stateDirectory: resolve(options.stateDir) }),
  };
}

/** The choices with defaults, or a message that names the missing ones without a default. */
function withDefaults(said: ReturnType<typeof choicesOf>): InitChoices | string {
  const [found] = findModules();
  const { module = found?.path, token, regions, hostName, store = INIT_DEFAULTS.store } = said;
  const missing = [
    module === undefined && '--module',
    token === undefined && '--initialize-token, or --token-label and --pin-file',
    regions === undefined && '--region',
    hostName === undefined && '--host-name',
  ].filter((name) => name !== false);
  if (module === undefined || token === undefined || regions === undefined || hostName === undefined) {
    return `without a terminal, give ${missing.join('; ')}`;
  }
  return {
    certificate: undefined,
    externalKeyIds: [INIT_DEFAULTS.externalKeyId],
    host: INIT_DEFAULTS.host,
    port: INIT_DEFAULTS.port,
    stateDirectory: INIT_DEFAULTS.stateDirectory,
    pathPrefix: defaultPathPrefix(store),
    ...said,
    module,
    token,
    regions,
    hostName,
    store,
  };
}

function printNextSteps(
  { configFile, files, accessKeyId, isSelfSigned }: InitResult,
  { token, hostName, store }: InitChoices,
) {
  const folder = dirname(shortPath(configFile));
  const config = quoted(shortPath(configFile));
  const program = invocation();
  print(`made, for their owner alone: ${files.join(', ')}`);
  if (token.kind === 'new')
    print('next: put so-pin, the PIN of the security officer, into a safe, and delete it here');
  if (isSelfSigned)
    print('next: for AWS KMS, replace server.pem and server.key by those of a public authority');
  print(`next: ${program} doctor --config ${config}`);
  print(
    `next: ${program} console-config --config ${config} --store ${store} --access-key-id ${accessKeyId} ` +
      `--endpoint https://${hostName} --output ${quoted(join(folder, 'console.json'))}`,
  );
  print(`next: ${program} serve --config ${config}`);
}
