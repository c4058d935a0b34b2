import { createHash } from 'node:crypto';

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
  const aad = Buffer.allocUnsafe(metadataAt + 1 + ciphertextMetadata.length);
  aad.writeUInt16BE(additionalAuthenticatedData.length);
  aad.set(additionalAuthenticatedData, 2);
  aad.writeUInt8(ciphertextMetadata.length, metadataAt);
  aad.set(ciphertextMetadata, metadataAt + 1);
  return aad;
}

/**
 * The additional data that a token may have authenticated for the Rust sample proxy of AWS: as `tokenAad`, with the SHA-256
 * of the AAD in place of the AAD, and the length still that of the AAD. The sample proxy hashes an empty AAD, but not an
 * absent one: both are possible for an AAD of no bytes.
 */
export function referenceAads(
  additionalAuthenticatedData: Uint8Array,
  ciphertextMetadata: Uint8Array,
): readonly Uint8Array[] {
  const digest = createHash('sha256').update(additionalAuthenticatedData).digest();
  const hashed = tokenAad(digest, ciphertextMetadata);
  new DataView(hashed.buffer, hashed.byteOffset).setUint16(0, additionalAuthenticatedData.length);
  return additionalAuthenticatedData.length === 0
    ? [tokenAad(additionalAuthenticatedData, ciphertextMetadata), hashed]
    : [hashed];
}
