import { randomBytes } from 'node:crypto';
import type { KeyVersionConfig } from '../config/keys.ts';
import { currentVersion } from '../stores.ts';
import { editKeys, keyIn, type StorePlace, withKey } from './edit-keys.ts';
import { makeKey, shareKeys, tokensNamed } from './key-tokens.ts';
import { versionKey } from './version-key.ts';

/**
 * Makes the next version of an external key, on the tokens where it is. It encrypts from the moment that the proxy has
 * read the file again; what was encrypted before opens as ever. Two rotations of one version at the same time make one:
 * give `expected` to be sure. Instances with keys files of their own come to the same key, unless they are given a label.
 *
 * @param options.expected the version that is to be followed; when another one is current by now, nothing happens
 * @returns the current version
 */
export async function rotateKey(
  place: StorePlace,
  externalKeyId: string,
  options: { readonly label?: string | undefined; readonly expected?: number | undefined } = {},
): Promise<KeyVersionConfig> {
  let current: KeyVersionConfig | undefined;
  await editKeys(place, (before) => {
    const key = keyIn(before, externalKeyId);
    const last = currentVersion(key);
    if (options.expected !== undefined && options.expected !== last.version) {
      current = last;
      return { keys: () => before.keys };
    }
    const tokens = tokensNamed(before.config, key.tokens);
    shareKeys(tokens);
    let id: Uint8Array = randomBytes(16);
    return {
      keys() {
        current = { version: last.version + 1, selector: { id } };
        return withKey(before.keys, { ...key, versions: [...key.versions, current] });
      },
      async prepare() {
        const { usages } = key;
        if (options.label !== undefined) return makeKey(tokens, { label: options.label, id, usages });
        const label = `${externalKeyId}.v${last.version + 1}`;
        id = await versionKey(before.config, tokens, { label, usages });
      },
    };
  });
  if (current === undefined) throw new TypeError(`${externalKeyId}: expected a version`);
  return current;
}
