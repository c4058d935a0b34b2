import { createHmac, timingSafeEqual } from 'node:crypto';
import type { MacAlgorithm } from '../keys/key-specs.ts';
import type { SecretMaterial } from '../keys/material/key-material.ts';

/** The HMAC of a message (RFC 2104), in full length. */
export function macOf({ key }: SecretMaterial, algorithm: MacAlgorithm, message: Uint8Array): Uint8Array {
  return createHmac(HASHES[algorithm], key).update(message).digest();
}

/** Whether a MAC is that of the message. */
export function isMacOf(
  material: SecretMaterial,
  algorithm: MacAlgorithm,
  message: Uint8Array,
  mac: Uint8Array,
): boolean {
  const expected = macOf(material, algorithm, message);
  return mac.length === expected.length && timingSafeEqual(mac, expected);
}

const HASHES = {
  HMAC_SHA_224: 'sha224',
  HMAC_SHA_256: 'sha256',
  HMAC_SHA_384: 'sha384',
  HMAC_SHA_512: 'sha512',
} as const satisfies Record<MacAlgorithm, string>;
