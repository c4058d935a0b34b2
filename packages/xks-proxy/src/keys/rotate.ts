import { randomBytes } from 'node:crypto';
import type { KeyVersionConfig } from '../config/keys.ts';
import { lastVersion } from '../stores.ts';
import { editKeys, keyIn, type StorePlace, withKey } from './edit-keys.ts';
import { makeKey, shareKeys, tokensNamed } from './key-tokens.ts';
import { withNextVersion } from './next-version.ts';
import { versionKey } from './version-key.ts';

/**
 * Makes the next version of an external key, on the tokens where it is. It encrypts from the instant in it on; what was
 * encrypted before opens as ever. Two rotations of one version at the same time make one: give `expected` to be sure.
 * Instances with keys files of their own come to the same key if they have the same first version, unless they are given
 * a label.
 *
 * @param options.expected the version that is to be followed; when there is a newer one by now, nothing happens
 * @returns the newest version
 */
export async function rotateKey(
  place: StorePlace,
  externalKeyId: string,
  options: { readonly label?: string | undefined; readonly expected?: number | undefined } = {},
): Promise<KeyVersionConfig> {
  let made: KeyVersionConfig | undefined;
  await editKeys(place, (before) => {
    const key = keyIn(before, externalKeyId);
    const last = lastVersion(key);
    if (options.expected !== undefined && options.expected !== last.version) {
      made = last;
      return { keys: () => before.keys };
    }
    const tokens = tokensNamed(before.config, key.tokens);
    shareKeys(tokens);
    let id: Uint8Array = randomBytes(16);
    return {
      keys() {
        const next = withNextVersion(key, { id });
        made = lastVersion(next);
        return withKey(before.keys, next);
      },
      async prepare() {
        const { label } = options;
        if (label !== undefined) return makeKey(tokens, { label, id, usages: key.usages });
        id = await versionKey(before.config, tokens, { key, version: last.version + 1 });
      },
    };
  });
  if (made === undefined) throw new TypeError(`${externalKeyId}: expected a version`);
  return made;
}
