import { randomBytes } from 'node:crypto';
import { lastVersion } from '../config/key-versions.ts';
import type { KeyVersionConfig } from '../config/keys.ts';
import type { StorePlace } from '../config/store-place.ts';
import { XksProxyError } from '../proxy-error.ts';
import { editKey, keyIn, readKeys, tryEdit } from './edit-keys.ts';
import { assertShareKeys, makeKey, tokensNamed } from './key-tokens.ts';
import { withNextVersion } from './next-version.ts';
import { versionKey } from './version-key.ts';

/** Options of a rotation. */
interface RotateOptions {
  /** Label of the new key on the token; if another process makes the next version meanwhile, the change is refused. */
  readonly label?: string | undefined;
  /** The version to follow; if there is a newer one already, nothing happens. */
  readonly expected?: number | undefined;
  /** Called when the tokens have the key; the lock of the file is not taken before it resolves. */
  readonly onTokensDone?: () => Promise<void>;
}

/**
 * Makes the next version of an external key, on the tokens that hold it. The version encrypts from the instant that it
 * names; earlier ciphertext opens as before. Rotations of one version at the same time make one. Instances with separate
 * keys files come to the same key if they have the same first version, unless a label is given. Rejects with XksProxyError
 * as `editKey`, with `PIN_REFUSED` or with `TOKEN_UNAVAILABLE`: then the tokens may have a key that the next attempt takes.
 *
 * @returns the newest version
 */
export async function rotateKey(
  place: StorePlace,
  externalKeyId: string,
  { label, expected, onTokensDone }: RotateOptions = {},
): Promise<KeyVersionConfig> {
  const before = await readKeys(place);
  const key = keyIn(before, externalKeyId);
  const last = lastVersion(key);
  if (expected !== undefined && expected !== last.version) return last;
  const tokens = tokensNamed(before.config, key.tokens);
  assertShareKeys(tokens);
  let id: Uint8Array = randomBytes(16);
  await tryEdit(place, (now) => withNextVersion(keyIn(now, externalKeyId), { id }));
  if (label === undefined) id = await versionKey(before.config, tokens, { key, version: last.version + 1 });
  else await makeKey(tokens, { label, id, usages: key.usages });
  await onTokensDone?.();
  const rotated = await editKey(place, (now) => {
    const current = keyIn(now, externalKeyId);
    if (lastVersion(current).version === last.version) return withNextVersion(current, { id });
    if (label === undefined) return current;
    const text = `${externalKeyId} has another version ${last.version + 1} by now: keys link --next-version takes the key ${label}`;
    throw new XksProxyError('CHANGE_REFUSED', text);
  });
  return lastVersion(rotated);
}
