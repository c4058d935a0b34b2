import { createPublicKey, type KeyObject } from 'node:crypto';
import type { Keyring } from '@holdfast/sdk/spi';
import { type KeyInput, privateKeyObject, publicKeyObject } from './internal/key-object.ts';
import { assertRawKeyName, type RawKeyName } from './internal/raw-key-name.ts';
import { isRsaPadding, type RsaPadding, rsaDecryption, rsaEncryption } from './internal/rsa/padding.ts';
import { assertRsaKey } from './internal/rsa/rsa-key.ts';
import { wrappingKeyring } from './internal/wrapping-keyring.ts';

export type { KeyInput } from './internal/key-object.ts';
export type { RawKeyName } from './internal/raw-key-name.ts';
export type { RsaPadding } from './internal/rsa/padding.ts';

/**
 * Options of {@link rawRsaKeyring}: a public key, a private key, or both of a pair, and a name that no other pair has.
 */
export interface RawRsaKeyringOptions extends RawKeyName {
  /** To encrypt: 2048 bits or more. Never derived from the private key. */
  readonly publicKey?: KeyInput;
  /** To decrypt: 1024 bits or more, for the sake of old messages. */
  readonly privateKey?: KeyInput;
  /** The same on both sides; it is not in the message. Default `OAEP-SHA-256`. */
  readonly padding?: RsaPadding;
  /**
   * Allow a public key with the padding `PKCS1-v1_5`, for readers that know no other. A holder of the private key that
   * answers unknown callers may then be made to decrypt for them. Default false.
   */
  readonly unsafeLegacyEncryption?: boolean;
}

/**
 * Wraps data keys with an RSA public key, and opens them with the private key. RSA has no place for the encryption
 * context: only the message is bound to it.
 *
 * Rejects with `KeyringError` `DATA_KEY_ALREADY_SET` or `DATA_KEY_NOT_OPENED`; with `TypeError` on encrypt without a
 * public key, and on decrypt without a private key.
 *
 * @throws TypeError for an empty name, a namespace that is reserved for AWS KMS, anything but such keys or such a padding,
 *   keys of two pairs, no key, or a public key with a legacy padding that was not allowed
 * @throws RangeError for a modulus that is too short, or a name that is too long for a message
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/raw-rsa-keyring.md
 * @example
 * const keyring = rawRsaKeyring({ namespace: 'my-app', name: 'key-1', publicKey: publicKeyPem });
 */
export function rawRsaKeyring({
  namespace,
  name,
  padding = 'OAEP-SHA-256',
  unsafeLegacyEncryption = false,
  ...keys
}: RawRsaKeyringOptions): Keyring {
  assertRawKeyName({ namespace, name });
  if (!isRsaPadding(padding)) throw new TypeError('padding: expected OAEP-SHA-256, or another that there is');
  const { publicKey, privateKey } = keyObjects(keys);
  if (publicKey !== undefined && padding === 'PKCS1-v1_5' && !unsafeLegacyEncryption) {
    throw new TypeError('publicKey: expected none with PKCS1-v1_5, unless unsafeLegacyEncryption is true');
  }

  const encrypt = publicKey && rsaEncryption(padding, publicKey);
  const decrypt = privateKey && rsaDecryption(padding, privateKey);
  const keyring = wrappingKeyring({
    providerId: namespace,
    name,
    wrap: async (dataKey) => (encrypt ?? missing('publicKey: expected one, to encrypt'))(dataKey),
    unwrap: async (ciphertext) => (decrypt ?? missing(NO_PRIVATE_KEY))(ciphertext),
  });
  // It rejects all encrypted data keys, not only those under its own name.
  return decrypt === undefined ? { ...keyring, onDecrypt: async () => missing(NO_PRIVATE_KEY) } : keyring;
}

function missing(message: string): never {
  throw new TypeError(message);
}

function keyObjects(keys: Pick<RawRsaKeyringOptions, 'publicKey' | 'privateKey'>): {
  readonly publicKey: KeyObject | undefined;
  readonly privateKey: KeyObject | undefined;
} {
  const publicKey = keys.publicKey === undefined ? undefined : publicKeyObject('publicKey', keys.publicKey);
  const privateKey =
    keys.privateKey === undefined ? undefined : privateKeyObject('privateKey', keys.privateKey);
  if (publicKey === undefined && privateKey === undefined) {
    throw new TypeError('publicKey: expected one, or a privateKey, or both');
  }
  if (publicKey) assertRsaKey('publicKey', publicKey, MIN_BITS_TO_ENCRYPT);
  if (privateKey) assertRsaKey('privateKey', privateKey, MIN_BITS_TO_DECRYPT);
  // Keys of two pairs could not open what the other wraps.
  if (publicKey && privateKey && !createPublicKey(privateKey).equals(publicKey)) {
    throw new TypeError('privateKey: expected the one that goes with publicKey');
  }
  return { publicKey, privateKey };
}

const NO_PRIVATE_KEY = 'privateKey: expected one, to decrypt';
const MIN_BITS_TO_ENCRYPT = 2048;
const MIN_BITS_TO_DECRYPT = 1024;
