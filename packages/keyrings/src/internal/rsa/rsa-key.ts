import type { KeyObject } from 'node:crypto';

/**
 * @param option that has the key, for the error
 * @throws TypeError for anything but an RSA key for encryption
 * @throws RangeError for a modulus below `minBits`
 */
export function assertRsaKey(option: string, key: KeyObject, minBits: number): void {
  if (key.asymmetricKeyType !== 'rsa') throw new TypeError(`${option}: expected an RSA key`);
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < minBits) throw new RangeError(`${option}: expected ${minBits} bits or more`);
  // With an exponent of 1, the ciphertext would be the plaintext.
  if (publicExponent < 3n || publicExponent % 2n === 0n) {
    throw new TypeError(`${option}: expected an odd public exponent, 3 or more`);
  }
}
