import type { KeyObject } from 'node:crypto';
import { secretBytes } from '@holdfast/sdk/spi';

/** The private exponent of an RSA key, big-endian and as long as its modulus; for the caller to wipe. */
export function privateExponent(privateKey: KeyObject): Uint8Array {
  // As a JWK, it would pass through strings, which cannot be wiped.
  const der = privateKey.export({ format: 'der', type: 'pkcs1' });
  // RSAPrivateKey (RFC 8017 appendix A.1.2): version, modulus, public exponent, private exponent, and more.
  const version = integerIn(der, lengthAt(der, 1).end);
  const modulus = integerIn(der, version.end);
  const publicExponent = integerIn(der, modulus.end);
  const exponent = integerIn(der, publicExponent.end).bytes;
  const padded = secretBytes(modulus.bytes.length);
  padded.set(exponent, padded.length - exponent.length);
  der.fill(0);
  return padded;
}

/** Returns the integer that starts at `offset`, without leading zeros, as a view. */
function integerIn(der: Uint8Array, offset: number): { readonly bytes: Uint8Array; readonly end: number } {
  const { length, end: start } = lengthAt(der, offset + 1);
  const end = start + length;
  const zeros = der[start] === 0 && length > 1 ? 1 : 0;
  return { bytes: der.subarray(start + zeros, end), end };
}

/** Returns the length that is encoded at `offset`, and where its encoding ends. */
function lengthAt(der: Uint8Array, offset: number): { readonly length: number; readonly end: number } {
  const first = der[offset] ?? 0;
  if (first < 0x80) return { length: first, end: offset + 1 };
  const end = offset + 1 + (first & 0x7f);
  return { length: der.subarray(offset + 1, end).reduce((length, byte) => 256 * length + byte, 0), end };
}
