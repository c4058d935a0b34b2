import { randomBytes } from 'node:crypto';
import type { StoreKeyConfig } from '../config/keys.ts';
import type { StorePlace } from '../config/store-place.ts';
import type { KeyUsage } from '../devices/key-device.ts';
import { XksProxyError } from '../proxy-error.ts';
import { editKey, type KeysBefore, newKeyIn, readKeys, tryEdit } from './edit-keys.ts';
import { assertShareKeys, isLabelTaken, makeKey, tokensNamed } from './key-tokens.ts';

/** A new external key. */
export interface NewKey {
  readonly externalKeyId: string;
  /** Names of tokens; all by default. Several must share their keys. */
  readonly tokens?: readonly string[] | undefined;
  /** Label of the key on the token; the external key id by default. */
  readonly label?: string | undefined;
  /** Both by default. */
  readonly usages?: readonly KeyUsage[] | undefined;
}

/**
 * Makes an AES-256 key that cannot leave its token, and an external key of it: first on the token, once it is certain that
 * the file can be changed, and then in the file. If it stops in between, the token has one key too many, which `doctor`
 * reports. Rejects with XksProxyError as `editKey`, with `PIN_REFUSED` or with `TOKEN_UNAVAILABLE`.
 */
export async function createKey(
  place: StorePlace,
  { externalKeyId, tokens: names, label = externalKeyId, usages = ['ENCRYPT', 'DECRYPT'] }: NewKey,
): Promise<StoreKeyConfig> {
  const id = randomBytes(16);
  const key: StoreKeyConfig = {
    externalKeyId,
    tokens: names,
    versions: [{ version: 1, selector: { id } }],
    usages,
    status: 'ENABLED',
    acceptReferenceCiphertext: false,
  };
  const change = (now: KeysBefore) => newKeyIn(now, key);
  const { config } = await readKeys(place);
  const tokens = tokensNamed(config, names);
  assertShareKeys(tokens);
  await tryEdit(place, change);
  await makeKey(tokens, { label, id, usages }).catch((error: unknown): never => {
    if (!isLabelTaken(error)) throw error;
    const text = `the token has a key with the label ${label} already: keys link takes it, and --label makes another`;
    throw new XksProxyError('CHANGE_REFUSED', text, { cause: error });
  });
  return editKey(place, change);
}
