import { XksProxyError } from '../proxy-error.ts';
import type { ProxyConfig, StoreConfig } from './config.ts';
import { loadConfig } from './load.ts';

/** Where a store is: a file of configuration, and its name there. */
export interface StorePlace {
  readonly configFile: string;
  /** May be left out if there is only one store. */
  readonly store?: string | undefined;
}

/** The store that is meant, with its configuration. Throws XksProxyError `CHANGE_REFUSED` if there is none, or several. */
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
