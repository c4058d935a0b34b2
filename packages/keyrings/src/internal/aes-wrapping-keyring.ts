import { type EncryptedDataKey, type EncryptionContext, type Keyring, randomBytes } from '@holdfast/sdk/spi';
import { assertFits, type RawKeyName } from './raw-key-name.ts';
import { openFirst, wipeOnFailure, withDataKey, withEncryptedDataKey } from './wrapping.ts';

/** One AES-GCM key that wraps data keys, wherever it is. Additional data is the encryption context. */
export interface AesWrappingKey {
  /** Resolves to ciphertext and tag. The IV has 12 bytes, and was never used before. */
  wrap(iv: Uint8Array, dataKey: Uint8Array, encryptionContext: EncryptionContext): Promise<Uint8Array>;
  /**
   * Resolves to a data key in memory of its own. The ciphertext comes from the message unchecked.
   *
   * @throws KeyringError `DATA_KEY_NOT_OPENED` and others
   */
  unwrap(iv: Uint8Array, ciphertext: Uint8Array, encryptionContext: EncryptionContext): Promise<Uint8Array>;
}

/**
 * The keyring of one AES key, in the layout that all implementations of the raw AES keyring share. The IVs come from
 * the random generator of the runtime.
 *
 * @param wrappingKey resolves to the key, or rejects if it cannot be used at all, which says nothing about a data key
 * @throws RangeError for a name of more bytes than a message has room for
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/raw-aes-keyring.md
 */
export function aesWrappingKeyring(
  { namespace, name }: RawKeyName,
  wrappingKey: () => Promise<AesWrappingKey>,
): Keyring {
  assertFits('name', name, 4 + 4 + IV_LENGTH);
  // Key name ‖ tag length in bits ‖ IV length; the IV follows.
  const nameBytes = new TextEncoder().encode(name);
  const infoPrefix = Uint8Array.of(...nameBytes, 0, 0, 0, 8 * TAG_LENGTH, 0, 0, 0, IV_LENGTH);
  const isOurs = ({ providerId, providerInfo }: EncryptedDataKey): boolean =>
    providerId === namespace &&
    providerInfo.length === infoPrefix.length + IV_LENGTH &&
    infoPrefix.every((byte, i) => providerInfo[i] === byte);

  return {
    async onEncrypt(materials) {
      const key = await wrappingKey();
      // One call of the random generator, which takes as long for both as for one of them.
      const newKeyLength = materials.dataKey === undefined ? materials.suite.dataKeyLength : 0;
      const random = randomBytes(newKeyLength + IV_LENGTH);
      const newKey = random.subarray(0, newKeyLength);
      const iv = random.slice(newKeyLength);
      const complete = withDataKey(materials, newKey);
      return wipeOnFailure(newKey, async () => {
        const ciphertext = await key.wrap(iv, complete.dataKey, complete.encryptionContext);
        const providerInfo = new Uint8Array(infoPrefix.length + IV_LENGTH);
        providerInfo.set(infoPrefix);
        providerInfo.set(iv, infoPrefix.length);
        return withEncryptedDataKey(complete, { providerId: namespace, providerInfo, ciphertext });
      });
    },
    async onDecrypt(materials, encryptedDataKeys) {
      const key = await wrappingKey();
      return openFirst(materials, encryptedDataKeys.filter(isOurs), ({ providerInfo, ciphertext }) =>
        key.unwrap(providerInfo.subarray(-IV_LENGTH), ciphertext, materials.encryptionContext),
      );
    },
  };
}

const IV_LENGTH = 12;
/** Length of the tag, with which a ciphertext ends. */
export const TAG_LENGTH = 16;
