import { constantTimeEqual } from '#crypto';
import { concat, NOTHING, uint16 } from './bytes.ts';
import type { AesGcmKey } from './crypto/provider.ts';
import { deriveMessageKeys } from './derive.ts';
import { decryptionFailed } from './errors.ts';
import type { ParsedHeader } from './format/header.ts';
import type { ReadUnit } from './format/unit-reader.ts';
import { headerIsAuthentic } from './header-tag.ts';
import { assertDecryptionMaterials, type DecryptionMaterials } from './materials.ts';

/**
 * The content key under which a header, and its commitment if there is one, are authentic. Wipes the data key.
 *
 * The AWS Encryption SDK for .NET 4.0.0 has two faults, and a header may have either or both: the message id is left out of
 * the key derivation, and an empty list is authenticated after the header body. If they are accepted, these are tried too.
 *
 * Rejects with `EncryptionSdkError` `DECRYPTION_FAILED` if there is no such key, or `MATERIALS_INVALID`.
 */
export async function authenticContentKey(
  materials: DecryptionMaterials,
  { unit: { header, bodyLength, authentication }, raw }: ReadUnit<ParsedHeader>,
  { acceptDotNet400Messages }: { readonly acceptDotNet400Messages: boolean },
): Promise<AesGcmKey> {
  try {
    const { suite, messageId } = header;
    assertDecryptionMaterials(materials, suite);
    const { contentKey, commitKey } = await deriveMessageKeys(suite, materials.dataKey, messageId);
    if (!constantTimeEqual(commitKey, header.commitKey)) throw decryptionFailed();
    const keys = [contentKey];
    const headerBody = raw.subarray(0, bodyLength);
    const headerBodies = [headerBody];
    if (acceptDotNet400Messages) {
      if (suite.derivation.kind === 'hkdf') {
        keys.push((await deriveMessageKeys(suite, materials.dataKey, NOTHING)).contentKey);
      }
      headerBodies.push(concat([headerBody, uint16(0)]));
    }
    for (const key of keys) {
      for (const body of headerBodies) {
        if (await headerIsAuthentic(key, body, authentication, materials)) return key;
      }
    }
    throw decryptionFailed();
  } finally {
    materials.dataKey?.fill?.(0);
  }
}
