import { isReserved } from '../context.ts';
import { EncryptionSdkError } from '../errors.ts';
import type { CryptographicMaterialsManager } from './cmm.ts';
import { type MaterialsSource, materialsManager } from './source.ts';

/** Options of {@link requiredEncryptionContextCmm}: the keys, and what provides the materials. */
export type RequiredEncryptionContextCmmOptions = MaterialsSource & {
  /** At least one key, and none that starts with `aws-crypto-`. */
  readonly requiredEncryptionContextKeys: readonly string[];
};

/**
 * A CMM that keeps some encryption context pairs out of the message: they are authenticated, not stored, and the reader
 * must know them.
 *
 * Clients that use it reject with `EncryptionSdkError` `ENCRYPTION_CONTEXT_MISMATCH` if a required key is missing from
 * the context given to encrypt, or not reproduced for decrypt.
 *
 * @throws TypeError without a required key, and for one that starts with `aws-crypto-` or has lone surrogates
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/required-encryption-context-cmm.md
 * @example
 * const cmm = requiredEncryptionContextCmm({ keyring, requiredEncryptionContextKeys: ['tenant'] });
 * await client.encrypt(plaintext, { cmm, encryptionContext: { tenant: '42' } });
 */
export function requiredEncryptionContextCmm(
  options: RequiredEncryptionContextCmmOptions,
): CryptographicMaterialsManager {
  const { requiredEncryptionContextKeys } = options ?? {};
  const required = new Set(requiredEncryptionContextKeys);
  if (
    !Array.isArray(requiredEncryptionContextKeys) ||
    // A number would be found among the keys of a context, but never equal one of them.
    [...required].some((key) => typeof key !== 'string' || !key.isWellFormed())
  ) {
    throw new TypeError(
      'requiredEncryptionContextKeys: expected an array of strings, without lone surrogates',
    );
  }
  if ([...required].some(isReserved)) {
    throw new TypeError('requiredEncryptionContextKeys: expected no key that starts with aws-crypto-');
  }
  const underlying = materialsManager(options);
  if (required.size === 0) throw new TypeError('requiredEncryptionContextKeys: expected at least one key');
  return {
    async encryptionMaterials(request) {
      const keys = new Set([...request.requiredEncryptionContextKeys, ...required]);
      assertPresent(required, request.encryptionContext);
      const materials = await underlying.encryptionMaterials({
        ...request,
        requiredEncryptionContextKeys: [...keys],
      });
      const kept = new Set(materials.requiredEncryptionContextKeys);
      if (![...keys].every((key) => kept.has(key))) {
        materials.dataKey?.fill(0);
        throw new EncryptionSdkError('MATERIALS_INVALID', 'the underlying CMM lost a required key');
      }
      return materials;
    },
    async decryptionMaterials(request) {
      assertPresent(required, request.reproducedEncryptionContext);
      const materials = await underlying.decryptionMaterials(request);
      try {
        assertPresent(required, materials.encryptionContext);
        return materials;
      } catch (error) {
        materials.dataKey?.fill(0);
        throw error;
      }
    },
  };
}

function assertPresent(required: ReadonlySet<string>, context: Readonly<Record<string, string>>): void {
  for (const key of required) {
    if (!Object.hasOwn(context, key)) {
      throw new EncryptionSdkError(
        'ENCRYPTION_CONTEXT_MISMATCH',
        'a required encryption context key is missing from the encryption context',
      );
    }
  }
}
