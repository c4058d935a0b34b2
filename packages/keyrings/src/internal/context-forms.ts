import { contextBytes, type EncryptionContext } from '@holdfast/sdk/spi';

/**
 * Returns the forms of the encryption context to which a data key may be bound: the canonical bytes, and on request those
 * of a writer that ordered the encryption context by locale.
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
