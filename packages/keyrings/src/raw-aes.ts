import {
  type AesGcmKey,
  aesGcmKey,
  contextBytes,
  isBytes,
  type Keyring,
  secretBytes,
} from '@holdfast/sdk/spi';
import { type AesWrappingKey, aesWrappingKeyring, TAG_LENGTH } from './internal/aes-wrapping-keyring.ts';
import { contextForms } from './internal/context-forms.ts';
import { KeyringError } from './internal/errors.ts';
import { assertRawKeyName, type RawKeyName } from './internal/raw-key-name.ts';

export type { RawKeyName } from './internal/raw-key-name.ts';

/** Options of {@link rawAesKeyring}. */
export interface RawAesKeyringOptions extends RawKeyName {
  /** 16, 24 or 32 bytes. Copied: the caller's array is neither kept nor changed. */
  readonly wrappingKey: Uint8Array;
  /**
   * Also open data keys that the raw AES keyrings of `@aws-crypto` wrapped with their default options: they order
   * the encryption context by locale, which differs for keys in mixed case or beyond ASCII. Default false.
   */
  readonly acceptLocaleOrderedContexts?: boolean;
}

/**
 * Wraps data keys with an AES key that you hold, by AES-GCM bound to the encryption context.
 *
 * Rejects with `KeyringError` `DATA_KEY_ALREADY_SET` or `DATA_KEY_NOT_OPENED`; with the error of the runtime where that
 * cannot use the key, as a page without WebCrypto.
 *
 * @throws TypeError for an empty name, a namespace that is reserved for AWS KMS, something else than bytes, or zeros only
 * @throws RangeError for a key of another length, or a name that is too long for a message
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/raw-aes-keyring.md
 * @example
 * const keyring = rawAesKeyring({ namespace: 'my-app', name: 'key-1', wrappingKey });
 */
export function rawAesKeyring(options: RawAesKeyringOptions): Keyring {
  const { namespace, name, wrappingKey, acceptLocaleOrderedContexts = false } = options ?? {};
  assertRawKeyName({ namespace, name });
  if (!isBytes(wrappingKey)) {
    throw new TypeError('wrappingKey: expected a Uint8Array whose memory is not shared');
  }
  if (![16, 24, 32].includes(wrappingKey.length)) {
    throw new RangeError('wrappingKey: expected 16, 24 or 32 bytes');
  }
  // The mark of an array that was wiped: other libraries wipe the one they are given.
  if (wrappingKey.every((byte) => byte === 0))
    throw new TypeError('wrappingKey: expected another key than zeros');

  const imported = importOnce(wrappingKey, (key) => aesWrappingKey(key, { acceptLocaleOrderedContexts }));
  return aesWrappingKeyring({ namespace, name }, imported);
}

/**
 * Imports the key at once, from a copy that is wiped when that has succeeded, and returns a function that resolves to what
 * `make` returns for it. If the import fails, as in a page without WebCrypto, that call rejects, and the next imports anew.
 */
function importOnce<T>(wrappingKey: Uint8Array, make: (key: AesGcmKey) => T): () => Promise<T> {
  const ownKey = secretBytes(wrappingKey.length);
  ownKey.set(wrappingKey);
  const importing = async (): Promise<T> => {
    const key = await aesGcmKey(ownKey);
    ownKey.fill(0);
    return make(key);
  };
  let made: Promise<T> | undefined;
  const imported = (): Promise<T> => {
    made ??= importing().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
  // No caller needs the key yet, so this rejection is not one to report.
  imported().catch(() => undefined);
  return imported;
}

function aesWrappingKey(
  key: AesGcmKey,
  options: { readonly acceptLocaleOrderedContexts: boolean },
): AesWrappingKey {
  return {
    async wrap(iv, dataKey, encryptionContext) {
      const ciphertext = new Uint8Array(dataKey.length + TAG_LENGTH);
      await key.seal(iv, contextBytes(encryptionContext), dataKey, ciphertext);
      return ciphertext;
    },
    async unwrap(iv, ciphertext, encryptionContext) {
      const dataKey = secretBytes(Math.max(0, ciphertext.length - TAG_LENGTH));
      const aads = contextForms(encryptionContext, options);
      for (const aad of dataKey.length > 0 ? aads : []) {
        if (await key.open(iv, aad, ciphertext, dataKey)) return dataKey;
      }
      throw new KeyringError(
        'DATA_KEY_NOT_OPENED',
        'the wrapping key, context or encrypted data key is another',
      );
    },
  };
}
