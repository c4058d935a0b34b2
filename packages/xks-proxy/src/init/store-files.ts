import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreKeyConfig } from '../config/keys.ts';
import { parseKeysDocument } from '../config/keys-document.ts';
import { parseCredentialsDocument } from '../credentials/edit-credentials.ts';
import { XksProxyError } from '../proxy-error.ts';
import type { InitChoices } from './choices.ts';

/** The existing content of the files of a store: it is added to, and never replaced. */
export interface KeptFiles {
  /** Undefined if there is no file of keys. */
  readonly keys: readonly StoreKeyConfig[] | undefined;
  /** In the order of the file; empty if there is none. */
  readonly accessKeyIds: readonly string[];
}

/** Names of the files of a store. */
export function storeFiles({ store }: Pick<InitChoices, 'store'>) {
  return { keys: `${store}.keys.toml`, credentials: `${store}.credentials.toml` };
}

/** Reads the files of the store. Throws XksProxyError `CHANGE_REFUSED` for a file that cannot be added to. */
export function keptFiles(choices: Pick<InitChoices, 'folder' | 'store'>): KeptFiles {
  const names = storeFiles(choices);
  const credentials = contentOf(join(choices.folder, names.credentials), parseCredentialsDocument) ?? [];
  return {
    keys: contentOf(join(choices.folder, names.keys), parseKeysDocument),
    accessKeyIds: credentials.map((row) => row.access_key_id),
  };
}

function contentOf<T>(file: string, parse: (text: string) => T): T | undefined {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, 'utf8');
  try {
    return parse(text);
  } catch (cause) {
    const text = `${file} is not right, and it is never replaced: correct it, or choose another folder`;
    throw new XksProxyError('CHANGE_REFUSED', text, { cause });
  }
}
