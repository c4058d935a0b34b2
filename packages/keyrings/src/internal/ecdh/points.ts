import { Buffer } from 'node:buffer';
import { createPublicKey, type KeyObject } from 'node:crypto';

/** The curves of the ECDH keyrings. */
export type EcdhCurve = keyof typeof POINT_LENGTHS;

/** A public key, and what stands for it in messages. */
export interface EcdhPublicKey {
  readonly curve: EcdhCurve;
  /** The compressed SEC 1 point: 33, 49 or 67 bytes. */
  readonly point: Uint8Array;
  readonly key: KeyObject;
}

/**
 * Returns the public key, or the public half of a private one; `undefined` if it is not a point of one of the curves.
 *
 * The point is read from the SubjectPublicKeyInfo. On Node 20, a key object of the point at infinity ends the process as
 * soon as it is asked for its curve, or for a JWK; and a key that `generateKeyPairSync` made may bring the process to a
 * standstill then.
 */
export function ecdhPublicKey(key: KeyObject): EcdhPublicKey | undefined {
  const spki = subjectPublicKeyInfo(key);
  for (const curve of EC_CURVES) {
    const { compressed, uncompressed } = SPKI_PREFIXES[curve];
    const point = behind(compressed, spki) ?? compress(behind(uncompressed, spki));
    if (point !== undefined) return publicKeyOfPoint(curve, point);
  }
  return undefined;
}

/** Returns the public key with this compressed point; `undefined` if that is not a point of the curve, or is infinity. */
export function publicKeyOfPoint(curve: EcdhCurve, point: Uint8Array): EcdhPublicKey | undefined {
  if (point.length !== POINT_LENGTHS[curve] || (point[0] !== 2 && point[0] !== 3)) return undefined;
  try {
    // OpenSSL decompresses the point and refuses one that is not on the curve.
    const key = createPublicKey({
      key: Buffer.concat([SPKI_PREFIXES[curve].compressed, point]),
      format: 'der',
      type: 'spki',
    });
    return { curve, point, key };
  } catch {
    return undefined;
  }
}

function subjectPublicKeyInfo(key: KeyObject): Uint8Array {
  try {
    return (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'der', type: 'spki' });
  } catch {
    return new Uint8Array(0);
  }
}

function behind(prefix: Uint8Array, bytes: Uint8Array): Uint8Array | undefined {
  const starts = prefix.every((byte, i) => bytes[i] === byte);
  return starts ? Uint8Array.from(bytes.subarray(prefix.length)) : undefined;
}

/** The compressed form of 04 ‖ x ‖ y. */
function compress(point: Uint8Array | undefined): Uint8Array | undefined {
  if (point?.[0] !== 4) return undefined;
  const yIsOdd = (point.at(-1) ?? 0) & 1;
  return Uint8Array.of(2 + yIsOdd, ...point.subarray(1, (point.length + 1) / 2));
}

/** Bytes of a compressed point. */
export const POINT_LENGTHS = { 'P-256': 33, 'P-384': 49, 'P-521': 67 } as const;

const EC_CURVES = ['P-256', 'P-384', 'P-521'] as const satisfies readonly EcdhCurve[];

// SubjectPublicKeyInfo up to the point: id-ecPublicKey, the curve's OID, a bit string.
const SPKI_PREFIXES = {
  'P-256': {
    compressed: Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
    uncompressed: Buffer.from('3059301306072a8648ce3d020106082a8648ce3d030107034200', 'hex'),
  },
  'P-384': {
    compressed: Buffer.from('3046301006072a8648ce3d020106052b81040022033200', 'hex'),
    uncompressed: Buffer.from('3076301006072a8648ce3d020106052b81040022036200', 'hex'),
  },
  'P-521': {
    compressed: Buffer.from('3058301006072a8648ce3d020106052b81040023034400', 'hex'),
    uncompressed: Buffer.from('30819b301006072a8648ce3d020106052b8104002303818600', 'hex'),
  },
} as const satisfies Record<EcdhCurve, unknown>;
