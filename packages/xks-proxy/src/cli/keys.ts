import { type Command, Option } from 'commander';
import { lastVersion } from '../config/key-versions.ts';
import type { KeyVersionConfig, StoreKeyConfig } from '../config/keys.ts';
import type { KeyUsage } from '../devices/key-device.ts';
import { selectorName } from '../devices/key-selector.ts';
import { createKey } from '../keys/create.ts';
import { changeStatus, STATUS_CHANGES, type StatusChange } from '../keys/key-status.ts';
import { linkKey } from '../keys/link.ts';
import { rotateKey } from '../keys/rotate.ts';
import { runCommand, usageError } from './exit.ts';
import { addListKeys, addShowKey } from './keys-view.ts';
import { configOption, hexBytes, keyLabel, type PlaceOptions, placeOf, storeOption } from './options.ts';
import { print } from './print.ts';

/** `xks-proxy keys …`: the external keys of a store, in its `keys_file`. */
export function addKeys(program: Command): void {
  const keys = program
    .command('keys')
    .description('the external keys of a store, kept in its keys_file; a running proxy follows by itself');
  addCreate(keys);
  addLink(keys);
  addListKeys(keys);
  addShowKey(keys);
  addRotate(keys);
  for (const change of ['enable', 'disable', 'block', 'unblock'] as const) addStatusChange(keys, change);
}

interface KeyOptions extends PlaceOptions {
  readonly token?: readonly string[];
  readonly label?: string;
  readonly usage?: readonly KeyUsage[];
}

function addCreate(keys: Command): void {
  keys
    .command('create <external-key-id>')
    .description('create an AES-256 key on a token, not extractable, and an external key for it')
    .addOption(configOption())
    .addOption(storeOption())
    .addOption(tokenOption())
    .option('--label <text>', 'of the key on the token; default: the external key id', keyLabel)
    .addOption(usageOption())
    .action((externalKeyId: string, options: KeyOptions) =>
      runCommand(async () => {
        const { label } = options;
        const key = await createKey(placeOf(options), { externalKeyId, label, ...newKeyOptions(options) });
        printKey('created', key);
        print(nextStep(key));
      }),
    );
}

function addLink(keys: Command): void {
  keys
    .command('link <external-key-id>')
    .description('create an external key, or its next version, for an AES-256 key that is already on a token')
    .addOption(configOption())
    .addOption(storeOption())
    .addOption(tokenOption())
    .option('--label <text>', 'of the key on the token', keyLabel)
    .option('--id <hex>', 'CKA_ID of the key on the token, in place of its label', hexBytes)
    .option('--next-version', 'add it to an external key that there is, which soon encrypts with it')
    .addOption(usageOption())
    .action((externalKeyId: string, options: KeyOptions & { id?: Uint8Array; nextVersion?: boolean }) =>
      runCommand(async () => {
        const { label, id, nextVersion: asNextVersion } = options;
        if ((label === undefined) === (id === undefined)) return usageError('give either --label or --id');
        const { tokens, usages } = newKeyOptions(options);
        if (asNextVersion === true && (tokens ?? usages) !== undefined) {
          return usageError('give --token and --usage without --next-version, which keeps those of the key');
        }
        const selector = id === undefined ? { label: label ?? '' } : { id };
        const linked = { externalKeyId, selector, tokens, usages, asNextVersion };
        const key = await linkKey(placeOf(options), linked);
        printKey('linked', key);
        if (asNextVersion !== true) print(nextStep(key));
      }),
    );
}

function addRotate(keys: Command): void {
  keys
    .command('rotate <external-key-id>')
    .description('make the next version, which soon encrypts in place of the others; all decrypt')
    .addOption(configOption())
    .addOption(storeOption())
    .option(
      '--label <text>',
      'of the new key on the token; default: the external key id with .v and the version',
      keyLabel,
    )
    .action((externalKeyId: string, options: KeyOptions) =>
      runCommand(async () => {
        const { label } = options;
        const version = await rotateKey(placeOf(options), externalKeyId, { label });
        print(`${externalKeyId}: rotated, ${versionText(version)}`);
      }),
    );
}

function addStatusChange(keys: Command, change: StatusChange): void {
  const { does, to } = STATUS_CHANGES[change];
  keys
    .command(`${change} <external-key-id>`)
    .description(does)
    .addOption(configOption())
    .addOption(storeOption())
    .action((externalKeyId: string, options: PlaceOptions) =>
      runCommand(async () => {
        await changeStatus(placeOf(options), externalKeyId, change);
        print(`${externalKeyId}: ${to}`);
      }),
    );
}

const tokenOption = () =>
  new Option('--token <name...>', 'where the key is; several must hold the same keys. Default: all');

const usageOption = () =>
  new Option('--usage <usage...>', 'what KMS may do with it; default: both').choices(['ENCRYPT', 'DECRYPT']);

/** The options that only a new external key has; a name that is given twice counts once. */
const newKeyOptions = ({ token, usage }: KeyOptions) => ({
  tokens: token && [...new Set(token)],
  usages: usage && [...new Set(usage)],
});

function printKey(done: string, key: StoreKeyConfig): void {
  const { tokens } = key;
  const where = tokens === undefined ? '' : ` on ${tokens.join(', ')}`;
  print(`${key.externalKeyId}: ${done}${where}, ${versionText(lastVersion(key))}`);
}

function versionText({ version, selector, encryptsFrom }: KeyVersionConfig): string {
  const from = encryptsFrom === undefined ? '' : `, which encrypts from ${encryptsFrom.toISOString()} on`;
  return `version ${version}${from} (${selectorName(selector)})`;
}

function nextStep({ externalKeyId, usages }: StoreKeyConfig): string {
  return usages.includes('ENCRYPT') && usages.includes('DECRYPT')
    ? `next: aws kms create-key --origin EXTERNAL_KEY_STORE --custom-key-store-id cks-… --xks-key-id ${externalKeyId}`
    : `AWS KMS creates no KMS key for a key with only ${usages.join(', ')}: it requires both usages`;
}
