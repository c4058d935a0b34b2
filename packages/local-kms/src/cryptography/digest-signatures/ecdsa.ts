import { createECDH, type KeyObject } from 'node:crypto';
import { addPoints, type Curve, curveOf, invert, multiply, type Point } from './curves.ts';
import { decodeSignature, encodeSignature } from './der.ts';

/** ECDSA over a digest, in DER (FIPS 186-5, section 6.4.1). */
export function signEcdsaDigest(key: KeyObject, digest: Uint8Array): Uint8Array {
  const curve = curveOf(key);
  const secret = numberOf(Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url'));
  for (;;) {
    // OpenSSL picks the nonce and multiplies the base point with it: as random as a private key has to be.
    const nonce = createECDH(curve.name);
    const r = pointOf(nonce.generateKeys()).x % curve.order;
    const k = numberOf(nonce.getPrivateKey());
    const s = (invert(k, curve.order) * (numberOf(digest) + r * secret)) % curve.order;
    if (r !== 0n && s !== 0n) return encodeSignature(r, s);
  }
}

/** Whether a DER signature is one over the digest (FIPS 186-5, section 6.4.2). */
export function verifyEcdsaDigest(key: KeyObject, signature: Uint8Array, digest: Uint8Array): boolean {
  const curve = curveOf(key);
  const { order } = curve;
  const parsed = decodeSignature(signature);
  if (!parsed) return false;
  const [r, s] = parsed;
  if (r === 0n || r >= order || s === 0n || s >= order) return false;
  const inverse = invert(s, order);
  const { x = '', y = '' } = key.export({ format: 'jwk' });
  const publicPoint = { x: coordinate(x), y: coordinate(y) };
  const sum = addPoints(
    curve,
    multiply(curve, basePoint(curve), (numberOf(digest) * inverse) % order),
    multiply(curve, publicPoint, (r * inverse) % order),
  );
  return sum !== undefined && sum.x % order === r;
}

function basePoint({ name }: Curve): Point {
  const one = createECDH(name);
  one.setPrivateKey(Buffer.from([1]));
  return pointOf(one.getPublicKey());
}

// No digest here has more bits than the order of its curve, so none is cut.
function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
}

function coordinate(base64url: string): bigint {
  return numberOf(Buffer.from(base64url, 'base64url'));
}

// An uncompressed point: 04, then both coordinates.
function pointOf(encoded: Buffer): Point {
  const half = (encoded.length - 1) / 2;
  return { x: numberOf(encoded.subarray(1, 1 + half)), y: numberOf(encoded.subarray(1 + half)) };
}
