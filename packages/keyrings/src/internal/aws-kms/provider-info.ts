/** The text of a provider info, which is the ARN of a key; `undefined` for bytes that are no UTF-8. */
export function providerInfoText(providerInfo: Uint8Array): string | undefined {
  try {
    return decoder.decode(providerInfo);
  } catch {
    return undefined;
  }
}

// Exact: equal texts come from equal bytes, so that comparing ARNs forgives nothing.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
