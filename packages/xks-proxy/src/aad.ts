/**
 * The additional data a token authenticates: `uint16 length, AAD, uint8 length, metadata`, lengths
 * big-endian, an absent field of length zero (XKS API v1, "Encrypt", ciphertextMetadata). The lengths
 * keep metadata from being passed off as AAD. The wire's limits (8192 and 20 bytes) fit both.
 */
export function tokenAad(
  additionalAuthenticatedData: Uint8Array,
  ciphertextMetadata: Uint8Array,
): Uint8Array {
  const metadataAt = 2 + additionalAuthenticatedData.length;
  const aad = Buffer.alloc(metadataAt + 1 + ciphertextMetadata.length);
  aad.writeUInt16BE(additionalAuthenticatedData.length);
  aad.set(additionalAuthenticatedData, 2);
  aad.writeUInt8(ciphertextMetadata.length, metadataAt);
  aad.set(ciphertextMetadata, metadataAt + 1);
  return aad;
}
