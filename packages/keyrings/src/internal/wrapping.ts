import {
  constantTimeEqual,
  type DecryptionMaterials,
  type EncryptedDataKey,
  type EncryptionMaterials,
  type Keyring,
  randomBytes,
} from '@holdfast/sdk/spi';
import { dataKeyNotOpened } from './data-key-not-opened.ts';
import { KeyringError } from './errors.ts';

/** Returns the materials with their data key, or else with a new one: by default a random one, of the suite's length. */
export function withDataKey(
  materials: EncryptionMaterials,
  newKey?: Uint8Array,
): EncryptionMaterials & { readonly dataKey: Uint8Array } {
  return withKey(materials, materials.dataKey ?? newKey ?? randomBytes(materials.suite.dataKeyLength));
}

function withKey<M extends EncryptionMaterials | DecryptionMaterials>(
  materials: M,
  dataKey: Uint8Array,
): M & { readonly dataKey: Uint8Array } {
  // The second form would keep a property of the materials, even an undefined one; but where they have none, engines take
  // a hundred times as long for the first.
  return Object.hasOwn(materials, 'dataKey') ? { ...materials, dataKey } : { dataKey, ...materials };
}

/** Returns the materials with one more encrypted data key. */
export function withEncryptedDataKey<M extends EncryptionMaterials>(materials: M, key: EncryptedDataKey): M {
  return { ...materials, encryptedDataKeys: [...materials.encryptedDataKeys, key] };
}

/**
 * Resolves to the materials with the data key of the first of the `candidates` that `open` resolves for.
 *
 * @throws KeyringError `DATA_KEY_ALREADY_SET`, or `DATA_KEY_NOT_OPENED` with every cause
 */
export async function openFirst<T>(
  materials: DecryptionMaterials,
  candidates: readonly T[],
  open: (candidate: T) => Promise<Uint8Array>,
): Promise<DecryptionMaterials> {
  assertNoDataKey(materials);
  const causes: unknown[] = [];
  for (const candidate of candidates) {
    try {
      const dataKey = await open(candidate);
      if (dataKey.length === materials.suite.dataKeyLength) return withKey(materials, dataKey);
      dataKey.fill(0);
      causes.push(new KeyringError('KEY_SERVICE_ANSWER_INVALID', 'the data key has a wrong length'));
    } catch (cause) {
      causes.push(cause);
    }
  }
  throw dataKeyNotOpened(causes);
}

/** @throws KeyringError `DATA_KEY_ALREADY_SET` */
export function assertNoDataKey(materials: EncryptionMaterials | DecryptionMaterials): void {
  if (materials.dataKey !== undefined) {
    throw new KeyringError('DATA_KEY_ALREADY_SET', 'the materials have a data key already');
  }
}

/**
 * @param option that has the keyring, for the error
 * @throws TypeError for anything but a keyring
 */
export function assertKeyring(option: string, keyring: Keyring): void {
  if (typeof keyring?.onEncrypt === 'function' && typeof keyring.onDecrypt === 'function') return;
  throw new TypeError(`${option}: expected a keyring`);
}

/**
 * Checks what a keyring returned for the materials `before`: a message with another data key, or without the earlier
 * encrypted data keys, would open for some of its wrapping keys only.
 *
 * @throws KeyringError `KEY_SERVICE_ANSWER_INVALID` unless the data key is unchanged, if there was one, and at least one
 *   encrypted data key was added after the earlier ones
 */
export function assertWrapped(before: EncryptionMaterials, after: EncryptionMaterials): void {
  if (before.dataKey !== undefined && !isSame(before.dataKey, after.dataKey)) {
    throw invalidMaterials('changed the data key that it was to wrap');
  }
  if (!before.encryptedDataKeys.every((key, i) => isSameWrapped(key, after.encryptedDataKeys[i]))) {
    throw invalidMaterials('changed what was wrapped before');
  }
  if (after.encryptedDataKeys.length === before.encryptedDataKeys.length) {
    throw invalidMaterials('wrapped nothing');
  }
}

function isSameWrapped(a: EncryptedDataKey, b: EncryptedDataKey | undefined): boolean {
  if (a === b) return true;
  return (
    a.providerId === b?.providerId &&
    isSame(a.providerInfo, b.providerInfo) &&
    isSame(a.ciphertext, b.ciphertext)
  );
}

function isSame(a: Uint8Array, b: Uint8Array | undefined): boolean {
  return a === b || (b !== undefined && constantTimeEqual(a, b));
}

function invalidMaterials(what: string): KeyringError {
  return new KeyringError('KEY_SERVICE_ANSWER_INVALID', `a keyring ${what}`);
}

/** Runs work with a data key, and wipes the data key if that fails, as it is handed to no caller then. */
export async function wipeOnFailure<T>(
  dataKey: Uint8Array | undefined,
  work: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    dataKey?.fill(0);
    throw error;
  }
}
