import { readFile } from 'node:fs/promises';
import type { ProxyConfig, StoreConfig } from '../config/config.ts';
import type { StoreKeyConfig } from '../config/keys.ts';
import { keysDocument, parseKeysDocument } from '../config/keys-document.ts';
import { loadConfig } from '../config/load.ts';
import { type StorePlace, storeOf } from '../config/store-place.ts';
import { withFileLock } from '../files/file-lock.ts';
import { replaceFile, tryReplacing } from '../files/replace-file.ts';
import { XksProxyError } from '../proxy-error.ts';

/** The keys of a store as they are in its `keys_file`, with their store and configuration. */
export interface KeysBefore {
  readonly config: ProxyConfig;
  readonly store: StoreConfig;
  readonly keys: readonly StoreKeyConfig[];
  /** The text of the file with a key changed or added. Throws XksProxyError `CONFIG_INVALID` if the proxy would refuse it. */
  textWith(key: StoreKeyConfig): string;
}

/** Reads the keys of a store. Rejects with XksProxyError `CHANGE_REFUSED` or `CONFIG_INVALID`. */
export async function readKeys(place: StorePlace): Promise<KeysBefore> {
  const { config, store } = storeOf(place);
  const file = keysFileOf(store);
  const keys = parseKeysDocument(await readFile(file, 'utf8'));
  return {
    config,
    store,
    keys,
    textWith(key) {
      const text = keysDocument(withKey(keys, key));
      loadConfig(place.configFile, new Map([[file, text]]));
      return text;
    },
  };
}

/**
 * Changes or adds a key of a store, in its `keys_file`: one change at a time, and only to a file that the proxy would take.
 * A running proxy reads the file by itself. Meanwhile no other process can change a key of the file, so tokens do their part
 * before this call, and `tryEdit` comes before that. Rejects with XksProxyError `CHANGE_REFUSED`, `CONFIG_INVALID` or
 * `FILE_LOCKED`, or with what `change` throws; then the file is unchanged.
 *
 * @returns the key as it is now
 */
export async function editKey(place: StorePlace, change: KeyChange): Promise<StoreKeyConfig> {
  return edit(place, change, replaceFile);
}

/**
 * Does all of `editKey` except the last step, and rejects as that would now: for use before a token makes a key, which would
 * be left over. Holds the lock of the file only meanwhile.
 */
export async function tryEdit(place: StorePlace, change: KeyChange): Promise<void> {
  await edit(place, change, tryReplacing);
}

type KeyChange = (before: KeysBefore) => StoreKeyConfig;

async function edit(
  place: StorePlace,
  change: KeyChange,
  write: (file: string, text: string) => Promise<void>,
): Promise<StoreKeyConfig> {
  const file = keysFileOf(storeOf(place).store);
  return withFileLock(file, async () => {
    const before = await readKeys(place);
    const key = change(before);
    await write(file, before.textWith(key));
    return key;
  });
}

/** The key of the file with an id. Throws XksProxyError `CHANGE_REFUSED` if there is none. */
export function keyIn(
  { keys, store }: Pick<KeysBefore, 'keys' | 'store'>,
  externalKeyId: string,
): StoreKeyConfig {
  const key = keys.find((candidate) => candidate.externalKeyId === externalKeyId);
  if (key !== undefined) return key;
  const isElsewhere = store.keys.some((candidate) => candidate.externalKeyId === externalKeyId);
  throw new XksProxyError(
    'CHANGE_REFUSED',
    isElsewhere
      ? `${externalKeyId} stands in the configuration itself: change it there, or move it to the keys_file`
      : `the store ${store.name} has no key ${externalKeyId}`,
  );
}

/** Returns a key whose id no key of the store has yet. Throws XksProxyError `CHANGE_REFUSED` for any other. */
export function newKeyIn({ store }: Pick<KeysBefore, 'store'>, key: StoreKeyConfig): StoreKeyConfig {
  const { externalKeyId } = key;
  if (store.keys.every((other) => other.externalKeyId !== externalKeyId)) return key;
  throw new XksProxyError('CHANGE_REFUSED', `the store ${store.name} has a key ${externalKeyId} already`);
}

function keysFileOf({ name, keysFile }: StoreConfig): string {
  if (keysFile !== undefined) return keysFile;
  const remedy = `give it an empty file, and name that in the configuration: keys_file = "${name}.keys.toml"`;
  throw new XksProxyError('CHANGE_REFUSED', `the store ${name} has no keys_file: ${remedy}`);
}

/** The keys with one of them replaced, or added. */
function withKey(keys: readonly StoreKeyConfig[], key: StoreKeyConfig): readonly StoreKeyConfig[] {
  const isKnown = keys.some(({ externalKeyId }) => externalKeyId === key.externalKeyId);
  if (!isKnown) return [...keys, key];
  return keys.map((other) => (other.externalKeyId === key.externalKeyId ? key : other));
}
