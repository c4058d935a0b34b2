import type { StoreKeyConfig } from '../config/keys.ts';
import type { KeyUsage } from '../devices/key-device.ts';
import type { DeviceKeySelector } from '../devices/key-selector.ts';
import { XksProxyError } from '../proxy-error.ts';
import { editKey, type KeysBefore, keyIn, newKeyIn, readKeys, type StorePlace } from './edit-keys.ts';
import { assertHoldKey, namedKey, tokensNamed } from './key-tokens.ts';
import { withNextVersion } from './next-version.ts';

/** A key that the token has, and what it is to be to KMS. */
export interface LinkedKey {
  readonly externalKeyId: string;
  readonly selector: DeviceKeySelector;
  /** Names of tokens, all of which hold it; all by default. */
  readonly tokens?: readonly string[] | undefined;
  readonly usages?: readonly KeyUsage[] | undefined;
  /** Make it the next version of an external key that exists, in place of a new external key. */
  readonly asNextVersion?: boolean | undefined;
}

/**
 * Makes an external key, or its next version, of an AES-256 key that exists, which the file names by its CKA_ID if it can.
 * Rejects with XksProxyError `CHANGE_REFUSED` when a token does not have it, or holds another one by that name, or it is a
 * version of that external key already.
 */
export async function linkKey(place: StorePlace, linked: LinkedKey): Promise<StoreKeyConfig> {
  const before = await readKeys(place);
  const key = change(before, linked);
  const tokens = tokensNamed(before.config, key.tokens);
  // Before a token is asked for anything.
  before.textWith(key);
  await assertHoldKey(tokens, linked.selector);
  const { selector, isAlso } = await namedKey(tokens, linked.selector);
  return editKey(place, (now) => {
    const next = change(now, { ...linked, selector });
    const [earlier] = next.versions.slice(0, -1).filter((version) => isAlso(version.selector));
    if (earlier === undefined) return next;
    const text = `that key is version ${earlier.version} of ${next.externalKeyId} already: keys rotate makes another`;
    throw new XksProxyError('CHANGE_REFUSED', text);
  });
}

function change(keys: KeysBefore, linked: LinkedKey): StoreKeyConfig {
  const { externalKeyId, selector, asNextVersion } = linked;
  return asNextVersion === true
    ? withNextVersion(keyIn(keys, externalKeyId), selector)
    : newKeyIn(keys, newKey(linked));
}

function newKey({
  externalKeyId,
  selector,
  tokens,
  usages = ['ENCRYPT', 'DECRYPT'],
}: LinkedKey): StoreKeyConfig {
  const versions = [{ version: 1, selector }];
  return { externalKeyId, tokens, versions, usages, status: 'ENABLED', acceptReferenceCiphertext: false };
}
