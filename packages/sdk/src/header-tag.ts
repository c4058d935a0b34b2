import { concat, NOTHING } from './bytes.ts';
import { canonicalBytes, type EncryptionContext, filterContext } from './context.ts';
import type { AesGcmKey, Awaitable } from './crypto/provider.ts';
import { type HeaderAuthentication, ZERO_IV } from './format/header.ts';

/**
 * Writes to `tag` the authentication tag of a header body and of the encryption context pairs that are not stored in
 * it.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/data-format/message-header.md#authentication-tag
 */
export function sealHeader(
  contentKey: AesGcmKey,
  headerBody: Uint8Array,
  materials: HeaderMaterials,
  tag: Uint8Array,
): Awaitable<void> {
  return contentKey.seal(ZERO_IV, headerAad(headerBody, materials), NOTHING, tag);
}

/** True if the tag verifies. */
export function headerIsAuthentic(
  contentKey: AesGcmKey,
  headerBody: Uint8Array,
  { iv, tag }: HeaderAuthentication,
  materials: HeaderMaterials,
): Awaitable<boolean> {
  return contentKey.open(iv, headerAad(headerBody, materials), tag, NOTHING);
}

interface HeaderMaterials {
  readonly encryptionContext: EncryptionContext;
  readonly requiredEncryptionContextKeys: readonly string[];
}

function headerAad(headerBody: Uint8Array, materials: HeaderMaterials): Uint8Array {
  const { encryptionContext, requiredEncryptionContextKeys: required } = materials;
  if (required.length === 0) return headerBody;
  const unstored = filterContext(encryptionContext, (key) => required.includes(key));
  return concat([headerBody, canonicalBytes(unstored)]);
}
