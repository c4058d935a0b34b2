import { mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { openModule, Pkcs11Error } from '@holdfast/pkcs11';
import type { Command } from 'commander';
import { refuseOutsideDates } from '../config/certificate-dates.ts';
import { parseConfig } from '../config/config.ts';
import { createFiles } from '../files/replace-file.ts';
import { INIT_DEFAULTS } from '../init/choices.ts';
import { migrate } from '../migrate/migrate.ts';
import { XksProxyError } from '../proxy-error.ts';
import { runCommand, usageError } from './exit.ts';
import { invocation, quoted } from './invocation.ts';
import { print } from './print.ts';

/** `xks-proxy migrate`: makes a configuration from settings of the Rust sample proxy of AWS. */
export function addMigrate(program: Command): void {
  program
    .command('migrate <settings-toml>')
    .description(
      'make a configuration of the settings of the Rust sample proxy; its ciphertext goes on opening',
    )
    .requiredOption(
      '--output <folder>',
      'where the configuration and its files go; nothing there is overwritten',
    )
    .option(
      '--working-directory <folder>',
      'where the sample proxy runs, for its relative paths; default: here',
    )
    .option(
      '--token-label <text>',
      'of the token; default: the one in the first slot, which the sample proxy takes',
    )
    .option('--certificate-file <file>', 'PEM chain, in place of that of the settings')
    .option('--key-file <file>', 'PEM private key of the certificate')
    .option(
      '--state-dir <folder>',
      'for counts of messages, which the proxy writes; default: state in --output',
    )
    .action((settings: string, options: MigrateOptions) => runCommand(() => run(settings, options)));
}

interface MigrateOptions {
  readonly output: string;
  readonly workingDirectory?: string;
  readonly tokenLabel?: string;
  readonly certificateFile?: string;
  readonly keyFile?: string;
  readonly stateDir?: string;
}

async function run(settings: string, options: MigrateOptions): Promise<void> {
  const { certificateFile, keyFile, workingDirectory = '.' } = options;
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    return usageError('give both --certificate-file and --key-file, or none');
  }
  const toml = settingsText(settings);
  const resolveOld = (path: string) => resolve(workingDirectory, path);
  const { tokenLabel: label } = options;
  const token = label === undefined ? firstToken : () => ({ label });
  const certificate =
    certificateFile === undefined || keyFile === undefined
      ? undefined
      : { certificateFile: resolve(certificateFile), keyFile: resolve(keyFile) };
  const { stateDir } = options;
  const stateDirectory = stateDir === undefined ? INIT_DEFAULTS.stateDirectory : resolve(stateDir);
  const { files, notes } = migrate(toml, { token, resolve: resolveOld, certificate, stateDirectory });
  const folder = resolve(options.output);
  const texts = new Map([...files].map(([name, text]) => [join(folder, name), text]));
  const { server } = parseConfig(files.get('config.toml') ?? '', { baseDirectory: folder, instead: texts });
  refuseOutsideDates(server.tls);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  await createFiles(texts);
  const configFile = join(options.output, 'config.toml');
  print(`${configFile} and ${files.size - 1} files are written`);
  for (const note of notes) print(`  ${note}`);
  print(`next: ${invocation()} doctor --config ${quoted(configFile)}`);
}

function settingsText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new XksProxyError('CONFIG_INVALID', `cannot read ${file}`, { cause });
  }
}

function firstToken(path: string): { serial: string } {
  try {
    const module = openModule({ path });
    try {
      const [first] = module.tokens();
      if (first?.initialized === true) return { serial: first.serial };
    } finally {
      module.close();
    }
  } catch (error) {
    if (!(error instanceof Pkcs11Error)) throw error;
  }
  const text = `no token is found in the first slot of ${path}: give --token-label`;
  throw new XksProxyError('TOKEN_UNAVAILABLE', text);
}
