import { randomBytes } from 'node:crypto';
import type { KeyVersionConfig } from '../config/keys.ts';
import { currentVersion } from '../stores.ts';
import { editKeys, keyIn, type StorePlace, withKey } from './edit-keys.ts';
import { isLabelTaken, makeKey, shareKeys, tokensNamed } from './key-tokens.ts';

/**
 * Makes the next version of an external key, on the tokens where it is. It encrypts from the moment that the proxy has
 * read the file again; what was encrypted before opens as ever. Two rotations of one version at the same time make one:
 * give `expected` to be sure.
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
      return { keys: before.keys };
    }
    const tokens = tokensNamed(before.config, key.tokens);
    shareKeys(tokens);
    const next = { version: last.version + 1, selector: { id: randomBytes(16) } };
    const label = options.label ?? `${externalKeyId}.v${next.version}`;
    current = next;
    return {
      keys: withKey(before.keys, { ...key, versions: [...key.versions, next] }),
      async prepare() {
        const made = { id: next.selector.id, usages: key.usages };
        try {
          await makeKey(tokens, { ...made, label });
        } catch (error) {
          if (options.label !== undefined || !isLabelTaken(error)) throw error;
          // Left over from a rotation that was stopped half-way. Nobody knows it; doctor reports it.
          await makeKey(tokens, { ...made, label: `${label}-${randomBytes(4).toString('hex')}` });
        }
      },
    };
  });
  if (current === undefined) throw new TypeError(`${externalKeyId}: expected a version`);
  return current;
}
