import { createDecipheriv } from 'node:crypto';
import type { KeyPairMaterial } from '../keys/material/key-material.ts';
import { modulusBytes, type OaepHash, oaepDecrypt } from './oaep.ts';

/** How key material is wrapped for import, as the API names it. */
export type WrappingAlgorithm = keyof typeof OAEP_HASHES;

/** The algorithms, for a request to choose from. */
export const WRAPPING_ALGORITHMS = [
  'RSAES_OAEP_SHA_1',
  'RSAES_OAEP_SHA_256',
  'RSA_AES_KEY_WRAP_SHA_1',
  'RSA_AES_KEY_WRAP_SHA_256',
] as const satisfies readonly WrappingAlgorithm[];

/**
 * Unwraps key material: OAEP alone, or for `RSA_AES_KEY_WRAP…` an AES key under OAEP that is followed by the
 * material under AES key wrap with padding (RFC 5649). Undefined if it does not open, whatever the reason.
 */
export function unwrapKeyMaterial(
  { privateKey }: KeyPairMaterial,
  algorithm: WrappingAlgorithm,
  wrapped: Uint8Array,
): Uint8Array | undefined {
  const hash = OAEP_HASHES[algorithm];
  if (!algorithm.startsWith('RSA_AES')) return oaepDecrypt(privateKey, hash, wrapped);
  const rsaLength = modulusBytes(privateKey);
  const aesKey = oaepDecrypt(privateKey, hash, wrapped.subarray(0, rsaLength));
  if (!aesKey) return undefined;
  try {
    return unpad(aesKey, wrapped.subarray(rsaLength));
  } finally {
    aesKey.fill(0);
  }
}

function unpad(aesKey: Uint8Array, wrapped: Uint8Array): Uint8Array | undefined {
  const parts: Buffer[] = [];
  try {
    const decipher = createDecipheriv(
      `id-aes${aesKey.length * 8}-wrap-pad`,
      aesKey,
      ALTERNATIVE_INITIAL_VALUE,
    );
    parts.push(decipher.update(wrapped), decipher.final());
    return Buffer.concat(parts);
  } catch {
    return undefined;
  } finally {
    for (const part of parts) part.fill(0);
  }
}

const OAEP_HASHES = {
  RSAES_OAEP_SHA_1: 'sha1',
  RSAES_OAEP_SHA_256: 'sha256',
  RSA_AES_KEY_WRAP_SHA_1: 'sha1',
  RSA_AES_KEY_WRAP_SHA_256: 'sha256',
} as const satisfies Record<string, OaepHash>;

// RFC 5649, section 3.
const ALTERNATIVE_INITIAL_VALUE = Buffer.from('a65959a6', 'hex');
