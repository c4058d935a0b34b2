import { createPublicKey, type KeyObject } from 'node:crypto';

/** The curves of the ECDH keyrings. */
export type EcdhCurve = keyof typeof CURVES;

/** A public key, and what stands for it in messages. */
export interface EcdhPublicKey {
  readonly curve: EcdhCurve;
  /** The compressed SEC 1 point: 33, 49 or 67 bytes. */
  readonly point: Uint8Array;
  readonly key: KeyObject;
}

/** The public key, or the public half of a private one; `undefined` if it is on none of the curves. */
export function ecdhPublicKey(key: KeyObject): EcdhPublicKey | undefined {
  const curve = EC_CURVES.find((curve) => CURVES[curve].nodeName === key.asymmetricKeyDetails?.namedCurve);
  if (key.asymmetricKeyType !== 'ec' || curve === undefined) return undefined;
  // Coordinates in a JWK have their full length (RFC 7518 section 6.2.1.2).
  const { x = '', y = '' } = (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' });
  const yIsOdd = (Buffer.from(y, 'base64url').at(-1) ?? 0) & 1;
  const point = Uint8Array.of(2 + yIsOdd, ...Buffer.from(x, 'base64url'));
  return publicKeyOfPoint(curve, point);
}

/** The public key with this compressed point; `undefined` if that is no point of the curve, or infinity. */
export function publicKeyOfPoint(curve: EcdhCurve, point: Uint8Array): EcdhPublicKey | undefined {
  const { spkiPrefix, pointLength } = CURVES[curve];
  if (point.length !== pointLength || (point[0] !== 2 && point[0] !== 3)) return undefined;
  try {
    // OpenSSL decompresses the point and refuses one that is not on the curve.
    const key = createPublicKey({ key: Buffer.concat([spkiPrefix, point]), format: 'der', type: 'spki' });
    return { curve, point, key };
  } catch {
    return undefined;
  }
}

/** Bytes of a compressed point. */
export function pointLength(curve: EcdhCurve): number {
  return CURVES[curve].pointLength;
}

// The SubjectPublicKeyInfo up to the compressed point: id-ecPublicKey, the curve's OID, a bit string.
const CURVES = {
  'P-256': {
    nodeName: 'prime256v1',
    pointLength: 33,
    spkiPrefix: Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
  },
  'P-384': {
    nodeName: 'secp384r1',
    pointLength: 49,
    spkiPrefix: Buffer.from('3046301006072a8648ce3d020106052b81040022033200', 'hex'),
  },
  'P-521': {
    nodeName: 'secp521r1',
    pointLength: 67,
    spkiPrefix: Buffer.from('3058301006072a8648ce3d020106052b81040023034400', 'hex'),
  },
} as const;
const EC_CURVES = ['P-256', 'P-384', 'P-521'] as const satisfies readonly EcdhCurve[];
