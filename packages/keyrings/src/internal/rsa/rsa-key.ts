import { createPublicKey, type KeyObject } from 'node:crypto';

/**
 * @param option that has the key, for the error
 * @throws TypeError for anything but an RSA key for encryption
 * @throws RangeError for a modulus below `minBits`
 */
export function assertRsaKey(option: string, key: KeyObject, minBits: number): void {
  if (key.asymmetricKeyType !== 'rsa') throw new TypeError(`${option}: expected an RSA key`);
  const { modulusLength, publicExponent } = rsaDetails(key);
  if (modulusLength < minBits) throw new RangeError(`${option}: expected ${minBits} bits or more`);
  // With an exponent of 1, the ciphertext would be the plaintext.
  if (publicExponent < 3n || publicExponent % 2n === 0n) {
    throw new TypeError(`${option}: expected an odd public exponent, 3 or more`);
  }
}

/**
 * Returns the bits of the modulus, and the public exponent.
 *
 * They are read from a copy of the public half. On Node 20, reading them from a key that `generateKeyPairSync` made can hang the
 * process, because garbage collection then waits for a lock that the reading holds.
 */
export function rsaDetails(key: KeyObject): {
  readonly modulusLength: number;
  readonly publicExponent: bigint;
} {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const der = publicKey.export({ format: 'der', type: 'spki' });
  const copy = createPublicKey({ key: der, format: 'der', type: 'spki' });
  const { modulusLength = 0, publicExponent = 0n } = copy.asymmetricKeyDetails ?? {};
  return { modulusLength, publicExponent };
}
