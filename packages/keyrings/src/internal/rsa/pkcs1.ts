import {
  constants,
  createHash,
  createHmac,
  createSecretKey,
  type KeyObject,
  privateDecrypt,
} from 'node:crypto';
import { secretBytes } from '@holdfast/sdk/spi';
import { privateExponent } from './private-exponent.ts';

/**
 * RSAES-PKCS1-v1_5 decryption under one private key, with implicit rejection: a ciphertext whose padding is wrong
 * decrypts to a message of random bytes and random length, always the same for that ciphertext. An attacker cannot tell
 * such a message from a real one, and so cannot use the answers to decrypt bit by bit (Bleichenbacher's attack).
 *
 * Implemented here, from RSA without padding, because not every runtime can be trusted with it: before OpenSSL 3.2, Node
 * refuses, or throws an error that reveals the wrong padding. The messages are those of OpenSSL 3.2, so that two
 * implementations with the same key do not reveal it by a difference.
 *
 * @throws Error of node:crypto for a ciphertext that is not a number below the modulus, which its sender knows
 * @see RFC 8017 section 7.2.2
 * @see draft-irtf-cfrg-rsa-guidance
 */
export function pkcs1Decryption(privateKey: KeyObject): (ciphertext: Uint8Array) => Uint8Array {
  const exponent = privateExponent(privateKey);
  const digest = createHash('sha256').update(exponent).digest();
  const rejectionKey = createSecretKey(digest);
  exponent.fill(0);
  digest.fill(0);
  return (ciphertext) => {
    const padded = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, ciphertext);
    const seed = createHmac('sha256', rejectionKey).update(ciphertext).digest();
    const synthetic = expand(seed, 'message', padded.length);
    const candidates = expand(seed, 'length', 2 * LENGTH_CANDIDATES);
    const length = syntheticLength(candidates, padded.length - MIN_PADDING_LENGTH);
    const message = unpad(view(padded), view(synthetic), length);
    for (const secret of [padded, seed, synthetic, candidates]) secret.fill(0);
    return message;
  };
}

/**
 * Returns what follows 00 02, eight or more bytes that are not 00, and 00; for anything else, the last `length` bytes of
 * `synthetic`. Neither a branch nor an address shows which of the two it is.
 */
function unpad(padded: DataView, synthetic: DataView, length: number): Uint8Array {
  let separator = 0;
  let isFound = 0;
  for (let i = 2; i < padded.byteLength; i++) {
    const isZero = maskOfZero(padded.getUint8(i));
    separator = select(isZero & ~isFound, i, separator);
    isFound |= isZero;
  }
  const isGood =
    maskOfZero(padded.getUint8(0)) &
    maskOfZero(padded.getUint8(1) ^ 2) &
    ~maskOfLess(separator, MIN_PADDING_LENGTH);
  const start = select(isGood, separator + 1, padded.byteLength - length);
  const message = secretBytes(padded.byteLength - start);
  for (let i = 0; i < message.length; i++) {
    message[i] = select(isGood, padded.getUint8(start + i), synthetic.getUint8(start + i));
  }
  return message;
}

/** Returns the last candidate below `limit`; candidates have as many bits as `limit`. */
function syntheticLength(candidates: Uint8Array, limit: number): number {
  const bits = 2 ** (32 - Math.clz32(limit)) - 1;
  const numbers = view(candidates);
  let length = 0;
  for (let offset = 0; offset < candidates.length; offset += 2) {
    const candidate = numbers.getUint16(offset) & bits;
    length = select(maskOfLess(candidate, limit), candidate, length);
  }
  return length;
}

function expand(seed: Uint8Array, label: string, length: number): Uint8Array {
  const expanded = secretBytes(length);
  for (let offset = 0, counter = 0; offset < length; counter++) {
    const mac = createHmac('sha256', seed)
      .update(uint16(counter))
      .update(label)
      .update(uint16(8 * length));
    const block = mac.digest();
    expanded.set(block.subarray(0, length - offset), offset);
    block.fill(0);
    offset += block.length;
  }
  return expanded;
}

/** All ones for zero, no ones for any other number below 2³¹. */
function maskOfZero(value: number): number {
  return (value - 1) >> 31;
}

/** All ones for a < b, else none; both below 2³¹. */
function maskOfLess(a: number, b: number): number {
  return (a - b) >> 31;
}

function select(mask: number, ifOnes: number, ifNone: number): number {
  return (mask & ifOnes) | (~mask & ifNone);
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value & 0xff);
}

function view({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** 00 02, and the eight bytes that have to follow. */
const MIN_PADDING_LENGTH = 10;
const LENGTH_CANDIDATES = 128;
