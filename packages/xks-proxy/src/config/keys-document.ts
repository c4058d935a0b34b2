import { parse as parseToml, stringify } from 'smol-toml';
import { z } from 'zod';
import { selectorText } from '../devices/key-selector.ts';
import type { KeyVersionConfig, StoreKeyConfig } from './keys.ts';
import { keysSchema } from './keys.ts';

/** The schema of a `keys_file`. */
export const keysFileSchema = z.strictObject({ keys: keysSchema() });

/** The keys in the text of a `keys_file` that the configuration takes. Throws for any other text. */
export function parseKeysDocument(text: string): readonly StoreKeyConfig[] {
  return keysFileSchema.parse(parseToml(text)).keys;
}

/** The text of a `keys_file` with these keys: reading it returns the same keys. */
export function keysDocument(keys: readonly StoreKeyConfig[]): string {
  return `${HEADER}${stringify({ keys: keys.map(row) })}`;
}

function row(key: StoreKeyConfig) {
  const fields: { [Field in keyof StoreKeyConfig]: readonly [string, unknown] } = {
    externalKeyId: ['external_key_id', key.externalKeyId],
    status: ['status', key.status],
    usages: ['usages', [...key.usages]],
    tokens: ['tokens', key.tokens && [...key.tokens]],
    acceptReferenceCiphertext: ['accept_reference_ciphertext', key.acceptReferenceCiphertext || undefined],
    versions: ['versions', key.versions.map(versionRow)],
  };
  return Object.fromEntries(Object.values(fields).filter(([, value]) => value !== undefined));
}

function versionRow({ version, selector, encryptsFrom }: KeyVersionConfig) {
  return { version, ...selectorText(selector), ...(encryptsFrom && { encrypts_from: encryptsFrom }) };
}

const HEADER = '# Kept by `xks-proxy keys`; it writes the whole file, and comments do not survive.\n\n';
