import type { KeyObject } from 'node:crypto';
import type { ECDSA } from '@noble/curves/abstract/weierstrass.js';
import { p256, p384, p521 } from '@noble/curves/nist.js';
import { secp256k1 } from '@noble/curves/secp256k1.js';

/** ECDSA over a digest, in DER (FIPS 186-5, section 6.4.1): node:crypto signs whole messages only. */
export function signEcdsaDigest(key: KeyObject, digest: Uint8Array): Uint8Array {
  const { d = '' } = key.export({ format: 'jwk' });
  const secretKey = Buffer.from(d, 'base64url');
  try {
    return curveOf(key).sign(digest, secretKey, { ...OPTIONS, extraEntropy: true });
  } finally {
    secretKey.fill(0);
  }
}

/** Whether a DER signature is one over the digest (FIPS 186-5, section 6.4.2). */
export function verifyEcdsaDigest(key: KeyObject, signature: Uint8Array, digest: Uint8Array): boolean {
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const publicKey = Buffer.concat([
    Buffer.of(UNCOMPRESSED),
    Buffer.from(x, 'base64url'),
    Buffer.from(y, 'base64url'),
  ]);
  try {
    return curveOf(key).verify(signature, digest, publicKey, OPTIONS);
  } catch {
    // What is no DER of two numbers is no signature.
    return false;
  }
}

function curveOf({ asymmetricKeyDetails }: KeyObject): ECDSA {
  const curve = CURVES.get(asymmetricKeyDetails?.namedCurve ?? '');
  if (!curve) throw new TypeError('key: expected a key on one of the curves of the API');
  return curve;
}

/** By the names that OpenSSL has for them. */
const CURVES: ReadonlyMap<string, ECDSA> = new Map([
  ['prime256v1', p256],
  ['secp384r1', p384],
  ['secp521r1', p521],
  ['secp256k1', secp256k1],
]);
// The digest is given; both signatures of a pair (r, ±s) are valid, as in AWS KMS.
const OPTIONS = { prehash: false, lowS: false, format: 'der' } as const;
const UNCOMPRESSED = 4;
