import type { Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { storeOf } from '../config/store-place.ts';
import { describeKey, describeOnTokens, type KeyDescription } from '../keys/show.ts';
import { XksProxyError } from '../proxy-error.ts';
import { runCommand } from './exit.ts';
import { configOption, jsonOption, type PlaceOptions, placeOf, storeOption } from './options.ts';
import { print, printJson, printTable } from './print.ts';

/** `xks-proxy keys list`. */
export function addListKeys(keys: Command): void {
  keys
    .command('list')
    .description('the external keys of a store, or of all stores; no token is asked')
    .addOption(configOption())
    .addOption(storeOption())
    .addOption(jsonOption())
    .action((options: PlaceOptions & { json?: boolean }) =>
      runCommand(async () => {
        const config = loadConfig(options.config);
        const stores = options.store === undefined ? config.stores : [storeOf(placeOf(options)).store];
        const rows = stores.flatMap((store) => store.keys.map((key) => describeKey(config, store, key)));
        if (options.json === true) return printJson(rows);
        printTable([TITLES, ...rows.map(cells)]);
      }),
    );
}

/** `xks-proxy keys show`. */
export function addShowKey(keys: Command): void {
  keys
    .command('show <external-key-id>')
    .description('one external key, and what its tokens say of each version')
    .addOption(configOption())
    .addOption(storeOption())
    .addOption(jsonOption())
    .action((externalKeyId: string, options: PlaceOptions & { json?: boolean }) =>
      runCommand(async () => {
        const { config, store } = storeOf(placeOf(options));
        const key = store.keys.find((candidate) => candidate.externalKeyId === externalKeyId);
        if (key === undefined) {
          const text = `the store ${store.name} has no key ${externalKeyId}: see keys list`;
          throw new XksProxyError('CHANGE_REFUSED', text);
        }
        const description = await describeOnTokens(config, store, key);
        if (options.json === true) return printJson(description);
        printTable([TITLES, cells(description)]);
        for (const { version, found = [], encryptions } of description.versions) {
          print('');
          if (encryptions !== undefined) {
            print(`version ${version}: at most ${encryptions} encryptions of ${config.ivBudget.limit}`);
          }
          for (const place of found) {
            print(`version ${version} on ${place.token}: ${place.present ? attributes(place) : 'NOT FOUND'}`);
          }
        }
      }),
    );
}

const TITLES = ['STORE', 'EXTERNAL KEY ID', 'STATUS', 'USAGES', 'VERSION', 'TOKENS'] as const;

function cells({
  store,
  externalKeyId,
  status,
  usages,
  versions,
  encryptsWith,
  tokens,
}: KeyDescription): readonly string[] {
  const coming = versions.filter(({ version }) => version > encryptsWith);
  return [
    store,
    externalKeyId,
    status,
    usages.join(' '),
    [encryptsWith, ...coming.map(({ version, encryptsFrom }) => `${version} from ${encryptsFrom}`)].join(
      ', ',
    ),
    tokens.join(' '),
  ];
}

function attributes(found: Extract<FoundOnToken, { present: true }>): string {
  const { label, id, lengthBytes, usages, otherUsages, sensitive, extractable, local } = found;
  const told = { sensitive, extractable, 'made there': local };
  return [
    `label ${label}`,
    `id ${id}`,
    lengthBytes === undefined ? 'AES' : `AES-${lengthBytes * 8}`,
    ...usages,
    ...otherUsages,
    ...Object.entries(told).map(
      ([name, is]) => `${name}: ${is === undefined ? 'not told' : is ? 'yes' : 'no'}`,
    ),
  ].join(', ');
}

type FoundOnToken = NonNullable<KeyDescription['versions'][number]['found']>[number];
