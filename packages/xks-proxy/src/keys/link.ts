import type { StoreKeyConfig } from '../config/keys.ts';
import type { DeviceKeySelector, KeyUsage } from '../devices/key-device.ts';
import { currentVersion } from '../stores.ts';
import { editKeys, type KeysBefore, keyIn, type StorePlace, withKey } from './edit-keys.ts';
import { haveKey, tokensNamed } from './key-tokens.ts';

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
 * Makes an external key, or its next version, of an AES-256 key that exists. Rejects with XksProxyError `CHANGE_REFUSED`
 * when a token does not have it, or holds another one by that name.
 */
export async function linkKey(place: StorePlace, linked: LinkedKey): Promise<StoreKeyConfig> {
  let made: StoreKeyConfig | undefined;
  await editKeys(place, (before) => {
    const key = linked.asNextVersion === true ? nextVersion(before, linked) : newKey(linked);
    made = key;
    const isKnown = before.keys.some(({ externalKeyId }) => externalKeyId === key.externalKeyId);
    const tokens = tokensNamed(before.config, key.tokens);
    return {
      keys: () =>
        linked.asNextVersion === true && isKnown ? withKey(before.keys, key) : [...before.keys, key],
      prepare: () => haveKey(tokens, linked.selector),
    };
  });
  if (made === undefined) throw new TypeError(`${linked.externalKeyId}: expected a key`);
  return made;
}

function newKey({ externalKeyId, selector, tokens, usages = ['ENCRYPT', 'DECRYPT'] }: LinkedKey) {
  const versions = [{ version: 1, selector }];
  const status = 'ENABLED' as const;
  return { externalKeyId, tokens, versions, usages, status, acceptReferenceCiphertext: false };
}

function nextVersion(before: KeysBefore, { externalKeyId, selector }: LinkedKey): StoreKeyConfig {
  const key = keyIn(before, externalKeyId);
  return { ...key, versions: [...key.versions, { version: currentVersion(key).version + 1, selector }] };
}
