/** Returns the text of a provider info, which is the ARN of a key; `undefined` for bytes that are not UTF-8. */
export function providerInfoText(providerInfo: Uint8Array): string | undefined {
  try {
    return decoder.decode(providerInfo);
  } catch {
    return undefined;
  }
}

// Decodes exactly: equal texts come from equal bytes, so that ARNs are equal only if their bytes are.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
