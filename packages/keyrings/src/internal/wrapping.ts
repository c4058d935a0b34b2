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

/** The materials as they are, or with a new data key: by default a random one, of the suite's length. */
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
  // Where the materials have the property, if only undefined, theirs would count; for others, the one way takes engines
  // a hundred times as long as the other.
  return Object.hasOwn(materials, 'dataKey') ? { ...materials, dataKey } : { dataKey, ...materials };
}

/** The materials with one more encrypted data key. */
export function withEncryptedDataKey<M extends EncryptionMaterials>(materials: M, key: EncryptedDataKey): M {
  return { ...materials, encryptedDataKeys: [...materials.encryptedDataKeys, key] };
}

/**
 * The materials with the data key of the first of `candidates` that `open` resolves for.
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
 * @throws TypeError for something else
 */
export function assertKeyring(option: string, keyring: Keyring): void {
  if (typeof keyring?.onEncrypt === 'function' && typeof keyring.onDecrypt === 'function') return;
  throw new TypeError(`${option}: expected a keyring`);
}

/**
 * For what a keyring made of the materials `before`: a message with another data key, or without what was wrapped
 * earlier, would open for some of its wrapping keys only.
 *
 * @throws KeyringError `KEY_SERVICE_ANSWER_INVALID` unless the data key is the one that was there, if any, and one
 *   encrypted data key at least stands behind those that were
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

/** Does something with a data key, and wipes it if that fails: nobody will get it then. */
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
