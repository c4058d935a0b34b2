// ECDSA for ./web.ts. WebCrypto signs and verifies whole messages only: to hash frames as they pass, the curves must be
// those of @noble. Contracts: ./provider.ts
import { ecdsa, type WeierstrassPoint, weierstrass } from '@noble/curves/abstract/weierstrass.js';
import { bytesToNumberBE } from '@noble/curves/utils.js';
import { _SHA256, _SHA384, sha256, sha384 } from '@noble/hashes/sha2.js';
import { COORDINATE_LENGTH, type Curve, type Hash } from '../suites.ts';
import type { Awaitable, SigningKey, VerificationKey } from './provider.ts';

export function generateSigningKey(curve: Curve, hash: Hash): Awaitable<SigningKey> {
  const scheme = ecdsa(POINTS[curve], hash === 'SHA-256' ? sha256 : sha384);
  const { secretKey, publicKey } = scheme.keygen();
  return {
    publicKey,
    signer() {
      const digest = newDigest(hash);
      return {
        update: (bytes) => void digest.update(bytes),
        sign: () => scheme.sign(digest.digest(), secretKey, { prehash: false, lowS: false }),
      };
    },
  };
}

export function verificationKey(
  curve: Curve,
  hash: Hash,
  bytes: Uint8Array,
): Awaitable<VerificationKey | undefined> {
  const publicKey = bytes.length === 1 + COORDINATE_LENGTH[curve] ? pointOf(curve, bytes) : undefined;
  return (
    publicKey && {
      verifier() {
        const digest = newDigest(hash);
        return {
          update: (chunk) => void digest.update(chunk),
          verify: (signature) => isSignature(curve, publicKey, digest.digest(), signature),
        };
      },
    }
  );
}

/** The point of the curve that the bytes encode, if there is one. */
function pointOf(curve: Curve, bytes: Uint8Array): WeierstrassPoint<bigint> | undefined {
  try {
    return POINTS[curve].fromBytes(bytes);
  } catch {
    return undefined;
  }
}

/**
 * The verification equation alone: the rest of @noble's ECDSA would be a sixth of what a page that only decrypts loads.
 * For digests as long as the order of the curve.
 *
 * @see FIPS 186-5 section 6.4.2
 */
function isSignature(
  curve: Curve,
  publicKey: WeierstrassPoint<bigint>,
  digest: Uint8Array,
  signature: Uint8Array,
): boolean {
  const { BASE, Fn } = POINTS[curve];
  const half = signature.length / 2;
  const r = bytesToNumberBE(signature.subarray(0, half));
  const s = bytesToNumberBE(signature.subarray(half));
  if (!Fn.isValidNot0(r) || !Fn.isValidNot0(s)) return false;
  const inverse = Fn.inv(s);
  const ofBase = Fn.mul(Fn.create(bytesToNumberBE(digest)), inverse);
  const sum = BASE.mulAddUnsafe(ofBase, publicKey, Fn.mul(r, inverse));
  return !sum.is0() && Fn.create(sum.toAffine().x) === r;
}

/** Made by the classes, not by @noble's functions over them, which a page that only decrypts need not load. */
function newDigest(hash: Hash): _SHA256 | _SHA384 {
  return hash === 'SHA-256' ? new _SHA256() : new _SHA384();
}

/** SEC 2 version 2 sections 2.4.2 and 2.5.1. */
const POINTS = {
  'P-256': /* @__PURE__ */ weierstrass({
    p: 0xffffffff00000001000000000000000000000000ffffffffffffffffffffffffn,
    a: 0xffffffff00000001000000000000000000000000fffffffffffffffffffffffcn,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
    n: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    h: 1n,
    Gx: 0x6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296n,
    Gy: 0x4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5n,
  }),
  'P-384': /* @__PURE__ */ weierstrass({
    p: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000ffffffffn,
    a: 0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffeffffffff0000000000000000fffffffcn,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
    n: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    h: 1n,
    Gx: 0xaa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7n,
    Gy: 0x3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5fn,
  }),
} as const;
