import { constants, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';

/** The hash functions that the algorithms of the API use in OAEP and its MGF1, as Node.js names them. */
export type OaepHash = keyof typeof HASH_BYTES;

/** The most bytes that one encryption takes (RFC 8017, section 7.1.1). */
export function maxOaepPlaintextBytes(publicKey: KeyObject, hash: OaepHash): number {
  return modulusBytes(publicKey) - 2 * HASH_BYTES[hash] - 2;
}

/** Encrypts at most `maxOaepPlaintextBytes`. */
export function oaepEncrypt(publicKey: KeyObject, oaepHash: OaepHash, plaintext: Uint8Array): Uint8Array {
  return publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, plaintext);
}

/** Returns undefined if the ciphertext does not open, without the reason. */
export function oaepDecrypt(
  privateKey: KeyObject,
  oaepHash: OaepHash,
  ciphertext: Uint8Array,
): Uint8Array | undefined {
  if (ciphertext.length !== modulusBytes(privateKey)) return undefined;
  try {
    return privateDecrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash },
      ciphertext,
    );
  } catch {
    return undefined;
  }
}

/** The length of an RSA modulus, and so of every ciphertext and signature under it. */
export function modulusBytes({ asymmetricKeyDetails }: KeyObject): number {
  const bits = asymmetricKeyDetails?.modulusLength;
  if (bits === undefined) throw new TypeError('key: expected an RSA key');
  return Math.ceil(bits / 8);
}

const HASH_BYTES = { sha1: 20, sha256: 32 } as const;
