import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { storeOf } from '../config/store-place.ts';
import { awsCommands, consoleConfig } from '../credentials/console-config.ts';
import { createFiles } from '../files/replace-file.ts';
import { XksProxyError } from '../proxy-error.ts';
import { runCommand } from './exit.ts';
import { quoted } from './invocation.ts';
import { configOption, endpointUrl, type PlaceOptions, placeOf, storeOption } from './options.ts';
import { print, printJson } from './print.ts';

/** `xks-proxy console-config`: the input for the AWS console and the AWS CLI. */
export function addConsoleConfig(program: Command): void {
  program
    .command('console-config')
    .description(
      'the JSON that the AWS console imports, which holds a secret; with --output, the AWS CLI lines too',
    )
    .addOption(configOption())
    .addOption(storeOption())
    .option('--access-key-id <id>', 'of the credential; default: the last one of the store')
    .option('--endpoint <url>', 'https:// and the host name that KMS is to call', endpointOfKms)
    .option('--output <file>', 'write it into a new file for its owner alone, and not on the terminal')
    .action((options: ConsoleConfigOptions) =>
      runCommand(async () => {
        const { store } = storeOf(placeOf(options));
        const { accessKeyId: wanted = store.credentials.at(-1)?.accessKeyId } = options;
        const credential = store.credentials.find(({ accessKeyId }) => accessKeyId === wanted);
        if (credential === undefined) {
          const text = `the store ${store.name} has no credential ${wanted}: see credentials list`;
          throw new XksProxyError('CHANGE_REFUSED', text);
        }
        const document = consoleConfig(store, credential);
        if (options.output === undefined) return printJson(document);
        const file = resolve(options.output);
        // The AWS CLI takes the credential without the path.
        const credentialFile = `${file}.credential`;
        const { XksProxyAuthenticationCredential: alone } = document;
        const contents = [
          [file, document],
          [credentialFile, alone],
        ] as const;
        await createFiles(
          new Map(contents.map(([path, json]) => [path, `${JSON.stringify(json, undefined, 2)}\n`])),
        );
        print(`for the AWS console: ${file}`);
        print('for the AWS CLI, create or update, then connect:');
        // Version 1 would take the endpoint for the URL of a file with the value.
        print('  (with version 1 of the AWS CLI, first run: aws configure set cli_follow_urlparam false)');
        const endpoint = options.endpoint?.origin ?? 'https://…';
        const credentialUrl = quoted(`file://${credentialFile}`);
        for (const command of awsCommands(store, endpoint, credentialUrl)) print(`  ${command}`);
        print('delete both files when AWS KMS has them');
      }),
    );
}

interface ConsoleConfigOptions extends PlaceOptions {
  readonly accessKeyId?: string;
  readonly endpoint?: URL;
  readonly output?: string;
}

function endpointOfKms(text: string): URL {
  const url = endpointUrl(text);
  if (url.port !== '') throw new InvalidArgumentError('expected no port: AWS KMS calls 443');
  return url;
}
