import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import type { StorePlace } from '../keys/edit-keys.ts';

/** The options that say which store a command is about. */
export interface PlaceOptions {
  readonly config: string;
  readonly store?: string;
}

/** What they mean. */
export const placeOf = ({ config, store }: PlaceOptions): StorePlace => ({
  configFile: resolve(config),
  store,
});

/** The configuration that a command works on. */
export const configOption = () =>
  new Option('--config <file>', 'configuration file (TOML)').makeOptionMandatory();

/** The store that a command is about. */
export const storeOption = () =>
  new Option('--store <name>', 'external key store; not needed where there is only one');

/** Output for programs. */
export const jsonOption = () => new Option('--json', 'print one JSON document');

/** Bytes of CKA_ID in hex, in lower case. */
export function hexBytes(text: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2}){1,128}$/.test(text))
    throw new InvalidArgumentError('expected bytes in lower-case hex');
  return Buffer.from(text, 'hex');
}

/** A URL of a proxy, without a path. */
export function endpointUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' && url.pathname === '/') return url;
  throw new InvalidArgumentError('expected https:// and a host name');
}
