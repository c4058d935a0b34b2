import type { AesKeyRecord } from '@holdfast/pkcs11';
import { lastVersion } from '../config/key-versions.ts';
import type { StoreKeyConfig } from '../config/keys.ts';
import type { StorePlace } from '../config/store-place.ts';
import type { KeyUsage } from '../devices/key-device.ts';
import type { DeviceKeySelector } from '../devices/key-selector.ts';
import { XksProxyError } from '../proxy-error.ts';
import { editKey, type KeysBefore, keyIn, newKeyIn, readKeys } from './edit-keys.ts';
import { assertHoldKey, namedKey, tokensNamed } from './key-tokens.ts';
import { withNextVersion } from './next-version.ts';
import { versionOfLabel } from './version-key.ts';

/** An existing key of the tokens, and the external key that it becomes. */
export interface LinkedKey {
  readonly externalKeyId: string;
  readonly selector: DeviceKeySelector;
  /** Names of tokens that all hold the key; all by default. Those of the external key, if it is a next version. */
  readonly tokens?: readonly string[] | undefined;
  /** Both by default. Those of the external key, if it is a next version. */
  readonly usages?: readonly KeyUsage[] | undefined;
  /** Whether it becomes the next version of an existing external key, and not a new external key. */
  readonly asNextVersion?: boolean | undefined;
}

/**
 * Makes an external key, or its next version, of an existing AES-256 key, which the file names by its CKA_ID if it can.
 * Rejects with XksProxyError `CHANGE_REFUSED` if a token does not have the key, has another one by that name, or does not
 * let it do all that the external key may. A next version is refused too if it is a version of that external key already,
 * or if its label is the one that `rotateKey` gave to another version.
 */
export async function linkKey(place: StorePlace, linked: LinkedKey): Promise<StoreKeyConfig> {
  const before = await readKeys(place);
  const key = change(before, linked);
  const tokens = tokensNamed(before.config, key.tokens);
  // Checks the file before a token is asked for anything.
  before.textWith(key);
  await assertHoldKey(tokens, linked.selector);
  const { selector, records, isAlso } = await namedKey(tokens, linked.selector);
  return editKey(place, (now) => {
    const next = change(now, { ...linked, selector });
    assertUsages(records, next);
    if (linked.asNextVersion !== true) return next;
    const [earlier] = next.versions.slice(0, -1).filter((version) => isAlso(version.selector));
    if (earlier !== undefined) {
      const text = `that key is version ${earlier.version} of ${next.externalKeyId} already: keys rotate makes another`;
      throw new XksProxyError('CHANGE_REFUSED', text);
    }
    assertNoOtherVersion(records, next);
    return next;
  });
}

/** A key with a usage that the token refuses would fail requests as soon as it is the version that encrypts. */
function assertUsages(records: readonly AesKeyRecord[], { externalKeyId, usages }: StoreKeyConfig): void {
  const missing = usages.filter((usage) => !records.every((record) => record.usages.includes(usage)));
  if (missing.length === 0) return;
  const byHand = usages.includes('DECRYPT') && !missing.includes('DECRYPT') ? `: ${BY_HAND}` : '';
  const text = `the token does not let that key ${missing.join(', ')}, which ${externalKeyId} is for${byHand}`;
  throw new XksProxyError('CHANGE_REFUSED', text);
}

/** Under another number the version would not open its own ciphertext, and the number would stand for two keys. */
function assertNoOtherVersion(records: readonly AesKeyRecord[], next: StoreKeyConfig): void {
  const { externalKeyId } = next;
  const { version } = lastVersion(next);
  for (const { label } of records) {
    const named = versionOfLabel(externalKeyId, label);
    if (named === undefined || named === version) continue;
    const remedy =
      named > version ? `bring back version ${version} first, or ${BY_HAND}` : 'keys rotate makes another';
    const text = `by its label, ${label} is version ${named} of ${externalKeyId}, and this would be version ${version}: ${remedy}`;
    throw new XksProxyError('CHANGE_REFUSED', text);
  }
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

/** For an earlier version that no longer encrypts, or is lost: a file may leave versions out. */
const BY_HAND = 'write the versions into the file of keys by hand';
