import { hash } from 'node:crypto';

/** The input of a ciphertext data integrity value, in the order of the hash. */
export interface IntegrityValueInput {
  readonly additionalAuthenticatedData: Uint8Array;
  readonly ciphertextMetadata: Uint8Array;
  readonly iv: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** The ciphertext data integrity value of algorithm `SHA_256` (XKS API v1, Appendix C), 32 bytes. */
export function integrityValue(input: IntegrityValueInput): Buffer {
  const covered = [
    input.additionalAuthenticatedData,
    input.ciphertextMetadata,
    input.iv,
    input.ciphertext,
    input.tag,
  ];
  return hash('sha256', Buffer.concat(covered), 'buffer');
}
