import type { KeyObject } from 'node:crypto';

/** A short Weierstrass curve y² = x³ + ax + b over a prime field. */
export interface Curve {
  /** As OpenSSL names it. */
  readonly name: string;
  readonly prime: bigint;
  readonly a: bigint;
  /** The number of points, which is prime. */
  readonly order: bigint;
}

/** A point in affine coordinates; the point at infinity is `undefined` where there can be one. */
export interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/** The curve of an elliptic curve key. */
export function curveOf({ asymmetricKeyDetails }: KeyObject): Curve {
  const curve = CURVES.find(({ name }) => name === asymmetricKeyDetails?.namedCurve);
  if (!curve) throw new TypeError('key: expected a key on one of the curves of the API');
  return curve;
}

/** The sum of two points. Not in constant time: for public points only. */
export function addPoints(
  { prime, a }: Curve,
  p: Point | undefined,
  q: Point | undefined,
): Point | undefined {
  if (!p || !q) return p ?? q;
  if (p.x === q.x && (p.y + q.y) % prime === 0n) return undefined;
  const slope =
    p.x === q.x ? (3n * p.x * p.x + a) * invert(2n * p.y, prime) : (q.y - p.y) * invert(q.x - p.x, prime);
  const x = modulo(slope * slope - p.x - q.x, prime);
  return { x, y: modulo(slope * (p.x - x) - p.y, prime) };
}

/** A multiple of a point. Not in constant time: for public numbers only. */
export function multiply(curve: Curve, point: Point, factor: bigint): Point | undefined {
  let sum: JacobianPoint | undefined;
  for (const bit of factor.toString(2)) {
    sum = sum && doubled(curve, sum);
    if (bit === '1') sum = sum ? sumWith(curve, sum, point) : { ...point, z: 1n };
  }
  return sum && affine(curve, sum);
}

/** The point (x / z², y / z³): coordinates that take an inversion at the end only. */
interface JacobianPoint extends Point {
  readonly z: bigint;
}

function doubled({ prime, a }: Curve, { x, y, z }: JacobianPoint): JacobianPoint {
  const ySquared = (y * y) % prime;
  const s = (4n * x * ySquared) % prime;
  const zSquared = (z * z) % prime;
  const m = (3n * x * x + a * zSquared * zSquared) % prime;
  const x3 = (m * m - 2n * s) % prime;
  return { x: x3, y: (m * (s - x3) - 8n * ySquared * ySquared) % prime, z: (2n * y * z) % prime };
}

function sumWith(curve: Curve, p: JacobianPoint, q: Point): JacobianPoint | undefined {
  const { prime } = curve;
  const zSquared = (p.z * p.z) % prime;
  const h = (q.x * zSquared - p.x) % prime;
  const r = (q.y * zSquared * p.z - p.y) % prime;
  if (h === 0n) return r === 0n ? doubled(curve, p) : undefined;
  const hSquared = (h * h) % prime;
  const hCubed = (hSquared * h) % prime;
  const u = (p.x * hSquared) % prime;
  const x = (r * r - hCubed - 2n * u) % prime;
  return { x, y: (r * (u - x) - p.y * hCubed) % prime, z: (h * p.z) % prime };
}

function affine({ prime }: Curve, { x, y, z }: JacobianPoint): Point {
  const inverse = invert(z, prime);
  const squared = (inverse * inverse) % prime;
  return { x: modulo(x * squared, prime), y: modulo(y * squared * inverse, prime) };
}

/** The inverse of a number that the prime modulus does not divide (extended Euclid). */
export function invert(value: bigint, modulus: bigint): bigint {
  let [remainder, next] = [modulus, modulo(value, modulus)];
  let [coefficient, nextCoefficient] = [0n, 1n];
  while (next !== 0n) {
    const quotient = remainder / next;
    [remainder, next] = [next, remainder - quotient * next];
    [coefficient, nextCoefficient] = [nextCoefficient, coefficient - quotient * nextCoefficient];
  }
  return modulo(coefficient, modulus);
}

function modulo(value: bigint, modulus: bigint): bigint {
  const remainder = value % modulus;
  return remainder < 0n ? remainder + modulus : remainder;
}

// SEC 2, sections 2.4.1, 2.4.2, 2.5.1 and 2.6.1. On the NIST curves a is -3.
const CURVES: readonly Curve[] = [
  {
    name: 'prime256v1',
    prime: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    a: -3n,
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  },
  {
    name: 'secp384r1',
    prime: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    a: -3n,
    order:
      0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
  },
  {
    name: 'secp521r1',
    prime: 2n ** 521n - 1n,
    a: -3n,
    order:
      0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
  },
  {
    name: 'secp256k1',
    prime: 2n ** 256n - 2n ** 32n - 977n,
    a: 0n,
    order: 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n,
  },
];
