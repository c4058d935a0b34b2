import type { StoreKeyConfig } from '../config/keys.ts';
import type { DeviceKeySelector, KeyUsage } from '../devices/key-device.ts';
import { editKeys, keyIn, type StorePlace, withKey, withNewKey } from './edit-keys.ts';
import { haveKey, tokensNamed } from './key-tokens.ts';
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
 * Makes an external key, or its next version, of an AES-256 key that exists. Rejects with XksProxyError `CHANGE_REFUSED`
 * when a token does not have it, or holds another one by that name.
 */
export async function linkKey(place: StorePlace, linked: LinkedKey): Promise<StoreKeyConfig> {
  let made: StoreKeyConfig | undefined;
  await editKeys(place, (before) => {
    const known = linked.asNextVersion === true ? keyIn(before, linked.externalKeyId) : undefined;
    const tokens = tokensNamed(before.config, (known ?? linked).tokens);
    return {
      keys() {
        made = known === undefined ? newKey(linked) : withNextVersion(known, linked.selector);
        return known === undefined ? withNewKey(before, made) : withKey(before.keys, made);
      },
      prepare: () => haveKey(tokens, linked.selector),
    };
  });
  if (made === undefined) throw new TypeError(`${linked.externalKeyId}: expected a key`);
  return made;
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
