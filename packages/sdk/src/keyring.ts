import type { EncryptedDataKey } from './encrypted-data-key.ts';
import type { DecryptionMaterials, EncryptionMaterials } from './materials.ts';

/**
 * A set of wrapping keys. The two methods must not change or keep the materials they get, and the caller does not
 * change those before the promise settles. The default CMM takes only the data key and the encrypted data keys from
 * their results; the rest is taken from its request.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/keyring-interface.md
 */
export interface Keyring {
  /**
   * Generates a data key of the suite's length if the materials have none, and wraps the data key.
   * Resolves to new materials with the data key and at least one more encrypted data key; rejects if any
   * wrapping key of its own fails.
   */
  onEncrypt(materials: EncryptionMaterials): Promise<EncryptionMaterials>;
  /**
   * Tries the encrypted data keys that are its own, in order; one that fails does not stop the search.
   * Resolves to new materials with the data key; rejects, with every cause, if none opened, and at once if
   * the materials have a data key already.
   */
  onDecrypt(
    materials: DecryptionMaterials,
    encryptedDataKeys: readonly EncryptedDataKey[],
  ): Promise<DecryptionMaterials>;
}
