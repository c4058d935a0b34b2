import { readFile } from 'node:fs/promises';
import type { ProxyConfig, StoreConfig } from '../config/config.ts';
import type { StoreKeyConfig } from '../config/keys.ts';
import { keysDocument, parseKeysDocument } from '../config/keys-document.ts';
import { loadConfig } from '../config/load.ts';
import { withFileLock } from '../files/file-lock.ts';
import { replaceFile } from '../files/replace-file.ts';
import { XksProxyError } from '../proxy-error.ts';

/** Where keys are: a store of a configuration. */
export interface StorePlace {
  readonly configFile: string;
  /** May be left out when there is only one. */
  readonly store?: string | undefined;
}

/** The keys of a store as they are in its `keys_file`, with all that is around them. */
export interface KeysBefore {
  readonly config: ProxyConfig;
  readonly store: StoreConfig;
  readonly keys: readonly StoreKeyConfig[];
}

/** What is to be done. */
export interface KeysAfter {
  /** What is to stand in the file: asked for before `prepare`, and again after it for what only that has found out. */
  readonly keys: () => readonly StoreKeyConfig[];
  /** Done once it is certain that the proxy takes the keys, and before the file is written. */
  readonly prepare?: () => Promise<void>;
}

/**
 * Changes the keys of a store, in its `keys_file`: one change at a time, and only to something that the proxy would take.
 * A running proxy follows by itself. Rejects with XksProxyError `CHANGE_REFUSED`, `CONFIG_INVALID`, `FILE_LOCKED`, or
 * whatever `change` and its preparation reject with; then the file is as before.
 */
export async function editKeys(
  place: StorePlace,
  change: (before: KeysBefore) => Promise<KeysAfter> | KeysAfter,
): Promise<void> {
  const { store } = storeOf(place);
  const file = store.keysFile;
  if (file === undefined) {
    const remedy = `give it an empty file, and name that in the configuration: keys_file = "${store.name}.keys.toml"`;
    throw new XksProxyError('CHANGE_REFUSED', `the store ${store.name} has no keys_file: ${remedy}`);
  }
  await withFileLock(file, async () => {
    // Again, since it may have changed while we waited.
    const before = storeOf(place);
    const keys = parseKeysDocument(await readFile(file, 'utf8'));
    const next = await change({ ...before, keys });
    loadConfig(place.configFile, new Map([[file, keysDocument(next.keys())]]));
    await next.prepare?.();
    await replaceFile(file, keysDocument(next.keys()));
  });
}

/** A store, with its configuration. Throws XksProxyError `CHANGE_REFUSED` unless it is clear which one is meant. */
export function storeOf({ configFile, store: name }: StorePlace): {
  config: ProxyConfig;
  store: StoreConfig;
} {
  const config = loadConfig(configFile);
  const names = config.stores.map((store) => store.name).join(', ');
  const [store, ...others] = config.stores.filter((store) => name === undefined || store.name === name);
  if (store === undefined) {
    throw new XksProxyError('CHANGE_REFUSED', `there is no store ${name}: the configuration has ${names}`);
  }
  if (others.length > 0) {
    throw new XksProxyError('CHANGE_REFUSED', `say which store with --store: there are ${names}`);
  }
  return { config, store };
}

/** The key with an id, among those of the file. Throws XksProxyError `CHANGE_REFUSED`. */
export function keyIn({ keys, store }: KeysBefore, externalKeyId: string): StoreKeyConfig {
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

/** The keys with another one, whose id no key of the store has yet. Throws XksProxyError `CHANGE_REFUSED`. */
export function withNewKey({ keys, store }: KeysBefore, added: StoreKeyConfig): readonly StoreKeyConfig[] {
  const { externalKeyId } = added;
  if (store.keys.every((key) => key.externalKeyId !== externalKeyId)) return [...keys, added];
  throw new XksProxyError('CHANGE_REFUSED', `the store ${store.name} has a key ${externalKeyId} already`);
}

/** The keys with one of them replaced. */
export function withKey(keys: readonly StoreKeyConfig[], changed: StoreKeyConfig): readonly StoreKeyConfig[] {
  return keys.map((key) => (key.externalKeyId === changed.externalKeyId ? changed : key));
}
