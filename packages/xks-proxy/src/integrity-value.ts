import { createHash } from 'node:crypto';

/** What a ciphertext data integrity value covers, in the order it is hashed. */
export interface IntegrityValueInput {
  readonly additionalAuthenticatedData: Uint8Array;
  readonly ciphertextMetadata: Uint8Array;
  readonly initializationVector: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly authenticationTag: Uint8Array;
}

/** The ciphertext data integrity value of algorithm `SHA_256` (XKS API v1, Appendix C), 32 bytes. */
export function integrityValue(input: IntegrityValueInput): Buffer {
  return createHash('sha256')
    .update(input.additionalAuthenticatedData)
    .update(input.ciphertextMetadata)
    .update(input.initializationVector)
    .update(input.ciphertext)
    .update(input.authenticationTag)
    .digest();
}
