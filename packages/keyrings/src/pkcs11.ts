import type { AesKey, RsaKey, RsaPadding } from '@holdfast/pkcs11';
import { contextBytes, type Keyring } from '@holdfast/sdk/spi';
import { type AesWrappingKey, aesWrappingKeyring, TAG_LENGTH } from './internal/aes-wrapping-keyring.ts';
import { KeyringError } from './internal/errors.ts';
import { askToken } from './internal/pkcs11/failures.ts';
import { assertRawKeyName, type RawKeyName } from './internal/raw-key-name.ts';
import { isRsaPadding } from './internal/rsa/padding.ts';
import { wrappingKeyring } from './internal/wrapping-keyring.ts';

export type { RawKeyName } from './internal/raw-key-name.ts';

/** Options of {@link pkcs11Keyring}: where the key is, and the name by which messages know it. */
export type Pkcs11KeyringOptions = Pkcs11AesKeyringOptions | Pkcs11RsaKeyringOptions;

/** A token's AES-256 key. */
export interface Pkcs11AesKeyringOptions extends RawKeyName {
  /** For instance `token.aesKey({ label: 'orders' })`. */
  readonly key: AesKey;
}

/** A token's RSA key pair, of which one half is enough to encrypt or to decrypt. */
export interface Pkcs11RsaKeyringOptions extends RawKeyName {
  /** For instance `token.rsaKey({ label: 'orders' })`. */
  readonly key: RsaKey;
  /**
   * The same on both sides; it is not in the message. Default `OAEP-SHA-256`, which not every token has. With
   * `PKCS1-v1_5` the keyring only decrypts.
   */
  readonly padding?: RsaPadding;
}

/**
 * Wraps data keys with a key that stays in a PKCS#11 token. A raw AES or raw RSA keyring with the same key and name opens
 * what it writes, and the reverse. AES binds a data key to the encryption context, RSA cannot.
 *
 * Rejects with `KeyringError` `DATA_KEY_ALREADY_SET`, `DATA_KEY_NOT_OPENED`, `KEY_SERVICE_REFUSED` or
 * `KEY_SERVICE_UNAVAILABLE`; with `TypeError` for encrypting with `PKCS1-v1_5`.
 *
 * @throws TypeError for an empty name, a namespace that is reserved for AWS KMS, an invalid key or padding, or a
 * padding with an AES key
 * @throws RangeError for a name that is too long for a message
 * @example
 * const token = openModule({ path }).openToken({ label: 'holdfast', pin });
 * const keyring = pkcs11Keyring({ namespace: 'my-hsm', name: 'orders', key: token.aesKey({ label: 'orders' }) });
 */
export function pkcs11Keyring(options: Pkcs11KeyringOptions): Keyring {
  assertRawKeyName(options);
  if (typeof options.key?.encrypt !== 'function') throw new TypeError('key: expected a key of a token');
  if (isRsa(options)) return rsaKeyring(options);
  // A caller from JavaScript may take an AES key for an RSA key, or the reverse.
  if ('padding' in options) throw new TypeError('padding: expected none with an AES key');
  const key = aesWrappingKey(options.key);
  return aesWrappingKeyring(options, async () => key);
}

function aesWrappingKey(key: AesKey): AesWrappingKey {
  return {
    async wrap(iv, dataKey, encryptionContext) {
      const aad = contextBytes(encryptionContext);
      const { ciphertext, tag } = await askToken(() => key.encrypt({ iv, aad, plaintext: dataKey }));
      const wrapped = new Uint8Array(ciphertext.length + tag.length);
      wrapped.set(ciphertext);
      wrapped.set(tag, ciphertext.length);
      return wrapped;
    },
    async unwrap(iv, wrapped, encryptionContext) {
      if (wrapped.length <= TAG_LENGTH) {
        throw new KeyringError('DATA_KEY_NOT_OPENED', 'the encrypted data key is shorter than any');
      }
      const aad = contextBytes(encryptionContext);
      const ciphertext = wrapped.subarray(0, -TAG_LENGTH);
      const tag = wrapped.subarray(-TAG_LENGTH);
      return askToken(() => key.decrypt({ iv, aad, ciphertext, tag }));
    },
  };
}

function rsaKeyring({ namespace, name, key, padding = 'OAEP-SHA-256' }: Pkcs11RsaKeyringOptions): Keyring {
  if (!isRsaPadding(padding)) throw new TypeError('padding: expected OAEP-SHA-256, or another that there is');
  return wrappingKeyring({
    providerId: namespace,
    name,
    async wrap(plaintext) {
      if (padding === 'PKCS1-v1_5') throw new TypeError('padding: expected one of OAEP, to encrypt');
      return askToken(() => key.encrypt({ padding, plaintext }));
    },
    unwrap: async (ciphertext) => askToken(() => key.decrypt({ padding, ciphertext })),
  });
}

function isRsa(options: Pkcs11KeyringOptions): options is Pkcs11RsaKeyringOptions {
  return 'publicKey' in options.key;
}
