import { constants, type KeyObject, privateEncrypt, publicDecrypt } from 'node:crypto';
import type { SignatureHash } from './hashes.ts';

/** RSASSA-PKCS1-v1_5 over a digest (RFC 8017, section 8.2). */
export function signPkcs1Digest(key: KeyObject, digest: Uint8Array, hash: SignatureHash): Uint8Array {
  return privateEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, digestInfo(hash, digest));
}

/** Whether a signature is one of `signPkcs1Digest`. */
export function verifyPkcs1Digest(
  key: KeyObject,
  signature: Uint8Array,
  digest: Uint8Array,
  hash: SignatureHash,
): boolean {
  try {
    const signed = publicDecrypt({ key, padding: constants.RSA_PKCS1_PADDING }, signature);
    return signed.equals(digestInfo(hash, digest));
  } catch {
    return false;
  }
}

function digestInfo(hash: SignatureHash, digest: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(DIGEST_INFO_PREFIXES[hash], 'hex'), digest]);
}

// RFC 8017, section 9.2, note 1.
const DIGEST_INFO_PREFIXES = {
  sha256: '3031300d060960864801650304020105000420',
  sha384: '3041300d060960864801650304020205000430',
  sha512: '3051300d060960864801650304020305000440',
} as const satisfies Record<SignatureHash, string>;
