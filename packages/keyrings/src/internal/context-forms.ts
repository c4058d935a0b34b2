import { contextBytes, type EncryptionContext } from '@holdfast/sdk/spi';

/**
 * The bytes to which a data key may be bound that is to be opened: the canonical ones, and on request those of a writer
 * who ordered the encryption context by locale.
 */
export function contextForms(
  encryptionContext: EncryptionContext,
  { acceptLocaleOrderedContexts }: { readonly acceptLocaleOrderedContexts: boolean },
): readonly Uint8Array[] {
  const canonical = contextBytes(encryptionContext);
  return acceptLocaleOrderedContexts ? [canonical, contextBytes(encryptionContext, byLocale)] : [canonical];
}

function byLocale(a: string, b: string): number {
  return a.localeCompare(b);
}
