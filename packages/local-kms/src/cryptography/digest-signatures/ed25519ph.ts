import type { KeyObject } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';

/**
 * Ed25519ph over a digest (FIPS 186-5, section 7.8.1), which node:crypto does not have. As in AWS KMS, the digest
 * is the message here: it is hashed once more.
 */
export function signEd25519phDigest(key: KeyObject, digest: Uint8Array): Uint8Array {
  const { d = '' } = key.export({ format: 'jwk' });
  const secretKey = Buffer.from(d, 'base64url');
  try {
    return ed25519ph.sign(digest, secretKey);
  } finally {
    secretKey.fill(0);
  }
}

/** Whether a signature is one of `signEd25519phDigest`. */
export function verifyEd25519phDigest(key: KeyObject, signature: Uint8Array, digest: Uint8Array): boolean {
  const { x = '' } = key.export({ format: 'jwk' });
  try {
    return ed25519ph.verify(signature, digest, Buffer.from(x, 'base64url'));
  } catch {
    // What does not have 64 bytes is no signature.
    return false;
  }
}
