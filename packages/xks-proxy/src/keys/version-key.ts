import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AesKeyRecord } from '@holdfast/pkcs11';
import type { ProxyConfig, TokenConfig } from '../config/config.ts';
import type { StoreKeyConfig } from '../config/keys.ts';
import type { KeyUsage } from '../devices/key-device.ts';
import { type DeviceKeySelector, isMatch } from '../devices/key-selector.ts';
import { awaitKeyOnAll, isLabelTaken, makeKey } from './key-tokens.ts';
import { onToken } from './on-token.ts';

/** The key of a version. */
interface VersionKey {
  readonly label: string;
  readonly usages: readonly KeyUsage[];
}

/**
 * The id of the key for a new version. The tokens make the key, unless they have one with the label of that version: then
 * an earlier rotation stopped half-way, or another instance with its own keys file has made the key for the same version,
 * and so all instances come to the same key. If an unrelated key has the label, it is `LABEL-2`, and so on. Rejects with
 * XksProxyError `CHANGE_REFUSED`, `PIN_REFUSED` or `TOKEN_UNAVAILABLE`.
 */
export async function versionKey(
  config: ProxyConfig,
  tokens: readonly TokenConfig[],
  { key, version }: { readonly key: StoreKeyConfig; readonly version: number },
): Promise<Uint8Array> {
  const { usages } = key;
  const first = await versionLabel(key, version, tokens);
  for (let attempt = 1; ; attempt += 1) {
    const wanted = { label: attempt === 1 ? first : `${first}-${attempt}`, usages };
    const id = randomBytes(16);
    const isMade = await tryMakeKey(tokens, { ...wanted, id });
    // After that, another process that saw the label free in the same moment has made its key too.
    if (isMade) await sleep(SETTLE_MS);
    const found = keyByLabel(await recordsOf(tokens), config, wanted) ?? (isMade ? id : undefined);
    if (found === undefined) continue;
    await awaitKeyOnAll(tokens, found);
    return found;
  }
}

/**
 * The id of the key with a label that may become a version: made by the token to stay there, fit for the usages, and used
 * by no store yet. Out of several keys, all processes choose the same.
 */
export function keyByLabel(
  records: readonly AesKeyRecord[],
  { stores }: Pick<ProxyConfig, 'stores'>,
  { label, usages }: VersionKey,
): Uint8Array | undefined {
  const selectors = stores.flatMap(({ keys }) =>
    keys.flatMap(({ versions }) => versions.map(({ selector }) => selector)),
  );
  const [found] = records
    .filter(
      (record) =>
        record.label === label &&
        record.id.length > 0 &&
        (record.lengthBytes ?? AES_256_BYTES) === AES_256_BYTES &&
        record.sensitive !== false &&
        record.extractable !== true &&
        record.local !== false &&
        usages.every((usage) => record.usages.includes(usage)) &&
        !selectors.some((selector) => isMatch(record, selector)),
    )
    .map(({ id }) => id)
    .toSorted((a, b) => Buffer.compare(a, b));
  return found;
}

/** The version of an external key that a label of `versionKey` names; undefined for any other label. */
export function versionOfLabel(externalKeyId: string, label: string): number | undefined {
  const start = `${externalKeyId}.v`;
  if (!label.startsWith(start)) return undefined;
  const [, version] = LABEL_END.exec(label.slice(start.length)) ?? [];
  return version === undefined ? undefined : Number(version);
}

/**
 * The label for the key of a version, such as `orders.v2.1f6e0a9b`. The last part comes from the key of the first version:
 * instances that share it come to the same label, and instances with another key of the same name do not.
 */
async function versionLabel(
  { externalKeyId, versions: [first] }: StoreKeyConfig,
  version: number,
  tokens: readonly TokenConfig[],
): Promise<string> {
  if (first === undefined) throw new TypeError(`${externalKeyId}: expected a version`);
  const origin = createHash('sha256').update(await keyIdentity(first.selector, tokens));
  return `${externalKeyId}.v${version}.${origin.digest('hex').slice(0, ORIGIN_DIGITS)}`;
}

/** The CKA_ID of a key on the tokens, whatever its selector; its label if it has no id. */
async function keyIdentity(
  selector: DeviceKeySelector,
  tokens: readonly TokenConfig[],
): Promise<Uint8Array | string> {
  if ('id' in selector) return selector.id;
  const { id } = (await recordsOf(tokens)).find((record) => isMatch(record, selector)) ?? {};
  return id === undefined || id.length === 0 ? selector.label : id;
}

/** Has the tokens make a key; resolves to false if there is one with the label already. */
async function tryMakeKey(
  tokens: readonly TokenConfig[],
  key: VersionKey & { readonly id: Uint8Array },
): Promise<boolean> {
  try {
    await makeKey(tokens, key);
    return true;
  } catch (error) {
    if (isLabelTaken(error)) return false;
    throw error;
  }
}

async function recordsOf([first]: readonly TokenConfig[]): Promise<readonly AesKeyRecord[]> {
  if (first === undefined) throw new TypeError('tokens: expected one at least');
  return onToken(first, (token) => token.aesKeys());
}

const ORIGIN_DIGITS = 8;
const LABEL_END = /^(\d+)\.[0-9a-f]{8}(?:-\d+)?$/;
const AES_256_BYTES = 32;
const SETTLE_MS = 500;
