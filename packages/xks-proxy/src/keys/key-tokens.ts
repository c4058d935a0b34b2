import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AesKeyRecord, Pkcs11Error } from '@holdfast/pkcs11';
import type { ProxyConfig, TokenConfig } from '../config/config.ts';
import type { KeyUsage, Sealed } from '../devices/key-device.ts';
import { type DeviceKeySelector, isMatch } from '../devices/key-selector.ts';
import { pkcs11Device } from '../devices/pkcs11-device.ts';
import { XksProxyError } from '../proxy-error.ts';
import { onToken } from './on-token.ts';

/** The tokens with these names; all by default. Throws XksProxyError `CHANGE_REFUSED` for a name that no token has. */
export function tokensNamed(
  { tokens }: ProxyConfig,
  names: readonly string[] = tokens.map(({ name }) => name),
): readonly TokenConfig[] {
  return names.map((name) => {
    const token = tokens.find((candidate) => candidate.name === name);
    if (token === undefined) throw new XksProxyError('CHANGE_REFUSED', `there is no token ${name}`);
    return token;
  });
}

/**
 * Makes a key on the first of the tokens, and waits until the others of its cluster have it too. `assertShareKeys` comes
 * before it: an AES key cannot be copied from one token to another. Rejects with XksProxyError as `awaitKeyOnAll`.
 */
export async function makeKey(
  tokens: readonly TokenConfig[],
  key: { readonly label: string; readonly id: Uint8Array; readonly usages: readonly KeyUsage[] },
): Promise<void> {
  const [first] = tokens;
  if (first === undefined) throw new TypeError('tokens: expected one at least');
  await onToken(first, (token) => token.generateAesKey(key));
  await awaitKeyOnAll(tokens, key.id);
}

/**
 * Waits until all tokens of a cluster have a key that was made on the first of them, perhaps a moment ago. Rejects with
 * XksProxyError as `assertHoldKey`, and with `CHANGE_REFUSED` when a token does not get the key in ten seconds.
 */
export async function awaitKeyOnAll(tokens: readonly TokenConfig[], id: Uint8Array): Promise<void> {
  for (const other of tokens.slice(1)) await waitForKey(other, id);
  await assertHoldKey(tokens, { id });
}

/** Whether `makeKey` failed because the token has a key with that label already. */
export function isLabelTaken(error: unknown): boolean {
  const cause = error instanceof XksProxyError ? error.cause : undefined;
  return cause instanceof Pkcs11Error && cause.code === 'KEY_EXISTS';
}

/** Throws XksProxyError `CHANGE_REFUSED` unless a key that is made on one of the tokens appears on all of them. */
export function assertShareKeys(tokens: readonly TokenConfig[]): void {
  const [first, ...others] = tokens;
  if (others.every(({ cluster }) => cluster !== undefined && cluster === first?.cluster)) return;
  const names = tokens.map(({ name }) => name).join(', ');
  throw new XksProxyError(
    'CHANGE_REFUSED',
    `a key that is made on one of ${names} cannot be copied to the others. If they share their keys, as those of an ` +
      'HSM cluster do, give them the same cluster = "…" in the configuration; else name one of them, or put the same ' +
      'key into each with the tools of its maker and use keys link',
  );
}

/**
 * Checks that all tokens hold an AES-256 key, and the same one. Rejects with XksProxyError `CHANGE_REFUSED` where they do
 * not, and with `PIN_REFUSED` or `TOKEN_UNAVAILABLE` for any other failure of a token.
 */
export async function assertHoldKey(
  tokens: readonly TokenConfig[],
  selector: DeviceKeySelector,
): Promise<void> {
  for (const token of tokens) {
    await onToken(token, (open) => open.aesKey(selector)).catch((error: unknown): never => {
      const cause = error instanceof XksProxyError ? error.cause : undefined;
      if (!(cause instanceof Pkcs11Error && cause.code.startsWith('KEY_'))) throw error;
      throw new XksProxyError('CHANGE_REFUSED', cause.message, { cause });
    });
  }
  await assertSameKey(tokens, selector);
}

/**
 * Checks that the other tokens decrypt what the first encrypts under a key: otherwise they hold different keys of the same
 * name, and ciphertext would be lost with one of them. Rejects with XksProxyError `CHANGE_REFUSED`.
 */
export async function assertSameKey(
  tokens: readonly TokenConfig[],
  selector: DeviceKeySelector,
): Promise<void> {
  const [first, ...others] = tokens;
  if (first === undefined || others.length === 0) return;
  const plaintext = randomBytes(32);
  const sealed = await onToken(first, async (token): Promise<Sealed> => {
    const device = pkcs11Device(first.name, token, first.iv);
    await device.usages(selector);
    return device.encrypt({ selector, aad: AAD, plaintext }).catch((cause: unknown): never => {
      throw new XksProxyError('CHANGE_REFUSED', `${first.name} cannot encrypt with the key`, { cause });
    });
  });
  const trials: Promise<unknown>[] = [];
  for (const other of others) {
    const trial = onToken(other, async (token) => {
      const device = pkcs11Device(other.name, token, other.iv);
      await device.usages(selector);
      return device.decrypt({ selector, aad: AAD, ...sealed }).catch(() => undefined);
    });
    trials.push(trial);
    // A token without the key must not hide that the next one has another key: its own failure is thrown at the end.
    const opened = await trial.catch(() => plaintext);
    if (opened !== undefined && plaintext.equals(opened)) continue;
    throw new XksProxyError(
      'CHANGE_REFUSED',
      `${first.name} and ${other.name} hold different keys of this name`,
    );
  }
  await Promise.all(trials);
}

/** A key that tokens hold, with the selector that names it in a keys file. */
interface NamedKey {
  readonly selector: DeviceKeySelector;
  /** What each of the tokens tells of the key. */
  readonly records: readonly AesKeyRecord[];
  /** Whether another selector means the same key. */
  readonly isAlso: (other: DeviceKeySelector) => boolean;
}

/**
 * Names a key that `assertHoldKey` has checked by its CKA_ID, whatever selector it was asked for by: under one name its
 * encryptions are counted together. The key keeps its label if it has no id, an id that means another key too, or
 * different ids on different tokens.
 */
export async function namedKey(
  tokens: readonly TokenConfig[],
  selector: DeviceKeySelector,
): Promise<NamedKey> {
  const records: (readonly AesKeyRecord[])[] = [];
  for (const token of tokens) records.push(await onToken(token, (open) => open.aesKeys()));
  const found = records.flat().filter((record) => isMatch(record, selector));
  const byId = { id: found[0]?.id ?? new Uint8Array() };
  const isOne = records.every((ofToken) => {
    const [only, ...others] = ofToken.filter((record) => isMatch(record, byId));
    return only !== undefined && others.length === 0 && found.includes(only);
  });
  return {
    selector: byId.id.length > 0 && isOne ? byId : selector,
    records: found,
    isAlso: (other) => found.some((record) => isMatch(record, other)),
  };
}

/** Waits until a token has a key: a cluster may take a moment to copy it. */
async function waitForKey(tokenConfig: TokenConfig, id: Uint8Array): Promise<void> {
  await onToken(tokenConfig, async (token) => {
    const deadlineMs = performance.now() + CLUSTER_MS;
    for (;;) {
      try {
        token.aesKey({ id }, { fresh: true });
        return;
      } catch (error) {
        const isAbsent = error instanceof Pkcs11Error && error.code === 'KEY_NOT_FOUND';
        if (!isAbsent) throw error;
        if (performance.now() > deadlineMs) {
          const hex = Buffer.from(id).toString('hex');
          const text = `the new key with the id ${hex} has not appeared on the token ${tokenConfig.name}`;
          throw new XksProxyError('CHANGE_REFUSED', `${text}: it is not of the same cluster`);
        }
        await sleep(POLL_MS);
      }
    }
  });
}

const AAD = Buffer.from('keys');
const CLUSTER_MS = 10_000;
const POLL_MS = 200;
