import { constants, type KeyObject, type SigningOptions, sign, verify } from 'node:crypto';
import { KmsError } from '../errors.ts';
import type { KeyPairMaterial } from '../keys/material/key-material.ts';
import { signEcdsaDigest, verifyEcdsaDigest } from './digest-signatures/ecdsa.ts';
import { signPkcs1Digest, verifyPkcs1Digest } from './digest-signatures/pkcs1.ts';
import { signPssDigest, verifyPssDigest } from './digest-signatures/pss.ts';

/** The algorithms of Sign and Verify that this KMS has, as the API names them. */
export type SigningAlgorithm = keyof typeof ALGORITHMS;

/** The hash functions of digests that are signed, as Node.js names them. */
export type SignatureHash = keyof typeof HASH_BYTES;

/** A message, or the digest of one, and how it is signed. */
export interface SignatureInput {
  readonly algorithm: SigningAlgorithm;
  readonly message: Uint8Array;
  /** Whether the message is still to be hashed. */
  readonly messageType: 'RAW' | 'DIGEST';
}

/**
 * Signs a message: PKCS #1 for RSA, DER for ECDSA, 64 bytes for Ed25519.
 * Throws ValidationException for a digest that the algorithm does not sign.
 */
export function signMessage({ privateKey: key }: KeyPairMaterial, input: SignatureInput): Uint8Array {
  const { hash, scheme }: AlgorithmRow = ALGORITHMS[input.algorithm];
  const { options, signDigest } = SCHEMES[scheme];
  if (input.messageType === 'RAW') return sign(hash, input.message, { key, ...options });
  return signDigest(key, input.message, assertDigest(input, hash));
}

/** Whether a signature is one of `signMessage` over the input. Throws as that does. */
export function verifySignature(
  { publicKey: key }: KeyPairMaterial,
  input: SignatureInput,
  signature: Uint8Array,
): boolean {
  const { hash, scheme }: AlgorithmRow = ALGORITHMS[input.algorithm];
  const { options, verifyDigest } = SCHEMES[scheme];
  if (input.messageType === 'RAW') return verify(hash, input.message, { key, ...options }, signature);
  return verifyDigest(key, signature, input.message, assertDigest(input, hash));
}

function assertDigest({ algorithm, message }: SignatureInput, hash: SignatureHash | null): SignatureHash {
  if (hash !== null && message.length === HASH_BYTES[hash]) return hash;
  throw new KmsError(
    'ValidationException',
    hash === null
      ? `MessageType: ${algorithm} signs messages, not digests`
      : `Message: must hold ${HASH_BYTES[hash]} bytes, a digest for ${algorithm}`,
  );
}

interface AlgorithmRow {
  /** Null where the scheme hashes in its own way and so takes no digest. */
  readonly hash: SignatureHash | null;
  readonly scheme: keyof typeof SCHEMES;
}

interface SchemeRow {
  readonly options: SigningOptions;
  // node:crypto hashes whatever it signs, so what is hashed already is signed by code of our own.
  signDigest(key: KeyObject, digest: Uint8Array, hash: SignatureHash): Uint8Array;
  verifyDigest(key: KeyObject, signature: Uint8Array, digest: Uint8Array, hash: SignatureHash): boolean;
}

const HASH_BYTES = { sha256: 32, sha384: 48, sha512: 64 } as const;

const SCHEMES = {
  pkcs1: {
    options: { padding: constants.RSA_PKCS1_PADDING },
    signDigest: signPkcs1Digest,
    verifyDigest: verifyPkcs1Digest,
  },
  pss: {
    options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST },
    signDigest: signPssDigest,
    verifyDigest: verifyPssDigest,
  },
  ellipticCurve: { options: {}, signDigest: signEcdsaDigest, verifyDigest: verifyEcdsaDigest },
} as const satisfies Record<string, SchemeRow>;

const ALGORITHMS = {
  RSASSA_PKCS1_V1_5_SHA_256: { hash: 'sha256', scheme: 'pkcs1' },
  RSASSA_PKCS1_V1_5_SHA_384: { hash: 'sha384', scheme: 'pkcs1' },
  RSASSA_PKCS1_V1_5_SHA_512: { hash: 'sha512', scheme: 'pkcs1' },
  RSASSA_PSS_SHA_256: { hash: 'sha256', scheme: 'pss' },
  RSASSA_PSS_SHA_384: { hash: 'sha384', scheme: 'pss' },
  RSASSA_PSS_SHA_512: { hash: 'sha512', scheme: 'pss' },
  ECDSA_SHA_256: { hash: 'sha256', scheme: 'ellipticCurve' },
  ECDSA_SHA_384: { hash: 'sha384', scheme: 'ellipticCurve' },
  ECDSA_SHA_512: { hash: 'sha512', scheme: 'ellipticCurve' },
  ED25519_SHA_512: { hash: null, scheme: 'ellipticCurve' },
} as const satisfies Record<string, AlgorithmRow>;
