import { dirname, join } from 'node:path';
import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { storeOf } from '../config/store-place.ts';
import { addCredential, revokeCredential } from '../credentials/edit-credentials.ts';
import { runCommand } from './exit.ts';
import { invocation, quoted } from './invocation.ts';
import { configOption, jsonOption, type PlaceOptions, placeOf, storeOption } from './options.ts';
import { print, printJson, printTable } from './print.ts';

/** `xks-proxy credentials …`: the credentials that AWS KMS signs with, in the `credentials_file` of a store. */
export function addCredentials(program: Command): void {
  const credentials = program
    .command('credentials')
    .description(
      'what AWS KMS signs with, kept in the credentials_file of a store; a running proxy follows by itself',
    );
  credentials
    .command('add')
    .description(
      'make a credential, besides those that there are; its secret goes into a file, and is shown on a terminal once',
    )
    .addOption(configOption())
    .addOption(storeOption())
    .action((options: PlaceOptions) =>
      runCommand(async () => {
        const { accessKeyId, secretAccessKey, secretFile } = await addCredential(placeOf(options));
        print(`access key id      ${accessKeyId}`);
        // On a terminal alone: elsewhere the secret would stay in the output, such as the log of a job.
        if (process.stdout.isTTY) print(`secret access key  ${secretAccessKey}`);
        print(`kept in            ${secretFile}`);
        const { store } = storeOf(placeOf(options));
        // Without a file the secret would go where this command has kept it from.
        const output = join(dirname(options.config), `${store.name}.console.json`);
        print(
          `next: ${invocation()} console-config --config ${quoted(options.config)} --store ${store.name} ` +
            `--access-key-id ${accessKeyId} --output ${quoted(output)}`,
        );
        print('then give it to AWS KMS, and revoke the old one');
      }),
    );
  credentials
    .command('list')
    .description('the access key ids of a store, or of all stores, and when they were made')
    .addOption(configOption())
    .addOption(storeOption())
    .addOption(jsonOption())
    .action((options: PlaceOptions & { json?: boolean }) => runCommand(async () => listCredentials(options)));
  credentials
    .command('revoke <access-key-id>')
    .description('refuse what is signed with a credential, and delete its secret')
    .addOption(configOption())
    .addOption(storeOption())
    .action((accessKeyId: string, options: PlaceOptions) =>
      runCommand(async () => {
        await revokeCredential(placeOf(options), accessKeyId);
        print(`${accessKeyId}: revoked`);
      }),
    );
}

function listCredentials(options: PlaceOptions & { json?: boolean }): void {
  const { stores } =
    options.store === undefined ? loadConfig(options.config) : { stores: [storeOf(placeOf(options)).store] };
  const rows = stores.flatMap(({ name: store, credentials }) =>
    credentials.map(({ accessKeyId, createdAt }) => ({
      store,
      accessKeyId,
      created: createdAt?.toISOString() ?? null,
    })),
  );
  if (options.json === true) return printJson(rows);
  printTable([
    ['STORE', 'ACCESS KEY ID', 'CREATED'],
    ...rows.map(({ store, accessKeyId, created }) => [store, accessKeyId, created ?? 'not known']),
  ]);
}
