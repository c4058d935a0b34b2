import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { EXTERNAL_KEY_ID } from '../config/names.ts';
import type { StorePlace } from '../config/store-place.ts';
import { errorCode } from '../error-code.ts';

/** The options that name the store for a command. */
export interface PlaceOptions {
  readonly config: string;
  readonly store?: string;
}

/** The store that these options name. */
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

/** The option for output that programs read. */
export const jsonOption = () => new Option('--json', 'print one JSON document');

/** Bytes of CKA_ID in hex, in lower case. */
export function hexBytes(text: string): Uint8Array {
  if (!/^(?:[0-9a-f]{2}){1,128}$/.test(text))
    throw new InvalidArgumentError('expected bytes in lower-case hex');
  return Buffer.from(text, 'hex');
}

/** The label of a key on a token. */
export function keyLabel(text: string): string {
  if (text === '') throw new InvalidArgumentError('expected a text that is not empty');
  return text;
}

/** The URL of a proxy: `https://`, a host and perhaps a port. */
export function endpointUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'https:' && url.href === `${url.origin}/`) return url;
  throw new InvalidArgumentError('expected https:// and a host name, and nothing behind it but a port');
}

/** A host and a port; an IPv6 address is in brackets. */
export function hostAndPort(text: string): { host: string; port: number } {
  const [, address, name, port] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = address ?? name;
  if (host === undefined || Number(port) > 65_535) throw new InvalidArgumentError('expected HOST:PORT');
  return { host, port: Number(port) };
}

/** The id of an external key. */
export function externalKeyId(text: string): string {
  const { success, data, error } = EXTERNAL_KEY_ID.safeParse(text);
  if (success) return data;
  throw new InvalidArgumentError(error.issues.map(({ message }) => message).join('; '));
}

/** The text of a file. */
export function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InvalidArgumentError(`the file cannot be read: ${errorCode(error) ?? 'unknown error'}`);
  }
}

/** The first line of a file, such as a secret. */
export function firstLine(file: string): string {
  const [line = ''] = readText(file).split(/\r?\n/);
  if (line === '') throw new InvalidArgumentError('the file is empty');
  return line;
}
