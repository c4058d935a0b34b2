import {
  constants,
  createHash,
  type KeyObject,
  privateEncrypt,
  publicDecrypt,
  randomBytes,
} from 'node:crypto';
import { modulusBytes } from '../oaep.ts';
import type { SignatureHash } from './hashes.ts';

/** RSASSA-PSS over a digest, with a salt as long as the hash (RFC 8017, sections 8.1 and 9.1.1). */
export function signPssDigest(key: KeyObject, digest: Uint8Array, hash: SignatureHash): Uint8Array {
  const salt = randomBytes(digest.length);
  const saltedHash = hashOf(hash, [ZEROS, digest, salt]);
  const maskedLength = modulusBytes(key) - saltedHash.length - 1;
  const data = Buffer.concat([Buffer.alloc(maskedLength - salt.length - 1), Buffer.from([0x01]), salt]);
  const masked = clearTopBit(xor(data, mgf1(hash, saltedHash, maskedLength)));
  const encoded = Buffer.concat([masked, saltedHash, Buffer.from([TRAILER])]);
  return privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, encoded);
}

/** Whether a signature is one of `signPssDigest` (RFC 8017, sections 8.1.2 and 9.1.2). */
export function verifyPssDigest(
  key: KeyObject,
  signature: Uint8Array,
  digest: Uint8Array,
  hash: SignatureHash,
): boolean {
  const encoded = signature.length === modulusBytes(key) ? recover(key, signature) : undefined;
  if (encoded?.at(-1) !== TRAILER || (encoded.at(0) ?? 0) > 0x7f) return false;
  const maskedLength = encoded.length - digest.length - 1;
  const saltedHash = encoded.subarray(maskedLength, -1);
  const data = clearTopBit(xor(encoded.subarray(0, maskedLength), mgf1(hash, saltedHash, maskedLength)));
  const padding = data.subarray(0, -digest.length - 1);
  const salt = data.subarray(-digest.length);
  const padded = padding.every((byte) => byte === 0) && data[padding.length] === 0x01;
  return padded && hashOf(hash, [ZEROS, digest, salt]).equals(saltedHash);
}

function recover(key: KeyObject, signature: Uint8Array): Buffer | undefined {
  try {
    return publicDecrypt({ key, padding: constants.RSA_NO_PADDING }, signature);
  } catch {
    // A number that is not below the modulus.
    return undefined;
  }
}

/** The mask generation function of RFC 8017, appendix B.2.1. */
function mgf1(hash: SignatureHash, seed: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let bytes = 0; bytes < length; bytes += blocks.at(-1)?.length ?? 0) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(blocks.length);
    blocks.push(hashOf(hash, [seed, counter]));
  }
  return Buffer.concat(blocks).subarray(0, length);
}

function hashOf(hash: SignatureHash, parts: readonly Uint8Array[]): Buffer {
  const hasher = createHash(hash);
  for (const part of parts) hasher.update(part);
  return hasher.digest();
}

function xor(bytes: Uint8Array, mask: Uint8Array): Buffer {
  return Buffer.from(bytes.map((byte, i) => byte ^ (mask[i] ?? 0)));
}

// Every modulus here has a multiple of eight bits, so the encoded message has exactly one bit less.
function clearTopBit(bytes: Buffer): Buffer {
  bytes[0] = (bytes[0] ?? 0) & 0x7f;
  return bytes;
}

const ZEROS = Buffer.alloc(8);
const TRAILER = 0xbc;
