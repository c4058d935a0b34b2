import { constants, type KeyObject, type SigningOptions, sign, verify } from 'node:crypto';
import { KmsError } from '../errors.ts';
import type { KeyPairMaterial } from '../keys/material/key-material.ts';
import { signEcdsaDigest, verifyEcdsaDigest } from './digest-signatures/ecdsa.ts';
import { signEd25519phDigest, verifyEd25519phDigest } from './digest-signatures/ed25519ph.ts';
import { signPkcs1Digest, verifyPkcs1Digest } from './digest-signatures/pkcs1.ts';
import { signPssDigest, verifyPssDigest } from './digest-signatures/pss.ts';

/** The algorithms of Sign and Verify that this KMS has, as the API names them. */
export type SigningAlgorithm = keyof typeof ALGORITHMS;

/** The hash functions of the algorithms, as Node.js names them. */
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
 * Throws ValidationException for a message type that the algorithm does not take, or a digest of another length.
 */
export function signMessage({ privateKey }: KeyPairMaterial, input: SignatureInput): Uint8Array {
  return signerFor(input).sign(privateKey, input.message, ALGORITHMS[input.algorithm].hash);
}

/** Whether a signature is one of `signMessage` over the input. Throws as that does. */
export function verifySignature(
  { publicKey }: KeyPairMaterial,
  input: SignatureInput,
  signature: Uint8Array,
): boolean {
  return signerFor(input).verify(publicKey, signature, input.message, ALGORITHMS[input.algorithm].hash);
}

interface Signer {
  sign(key: KeyObject, message: Uint8Array, hash: SignatureHash): Uint8Array;
  verify(key: KeyObject, signature: Uint8Array, message: Uint8Array, hash: SignatureHash): boolean;
}

function signerFor({ algorithm, message, messageType }: SignatureInput): Signer {
  const { hash, scheme } = ALGORITHMS[algorithm];
  const { [messageType]: signer }: Scheme = SCHEMES[scheme];
  if (!signer) throw invalid(`MessageType: ${messageType} does not go with ${algorithm}`);
  if (messageType === 'RAW' || message.length === HASH_BYTES[hash]) return signer;
  throw invalid(`Message: must hold ${HASH_BYTES[hash]} bytes, a digest for ${algorithm}`);
}

/** Signs messages as node:crypto does, which hashes whatever it signs. */
function messageSigner(options: SigningOptions): Signer {
  return {
    sign: (key, message, hash) => sign(hash, message, { key, ...options }),
    verify: (key, signature, message, hash) => verify(hash, message, { key, ...options }, signature),
  };
}

function invalid(message: string): KmsError {
  return new KmsError('ValidationException', message);
}

type Scheme = { readonly [Type in SignatureInput['messageType']]?: Signer };

const HASH_BYTES = { sha256: 32, sha384: 48, sha512: 64 } as const;

const SCHEMES = {
  pkcs1: {
    RAW: messageSigner({ padding: constants.RSA_PKCS1_PADDING }),
    DIGEST: { sign: signPkcs1Digest, verify: verifyPkcs1Digest },
  },
  pss: {
    RAW: messageSigner({
      padding: constants.RSA_PKCS1_PSS_PADDING,
      saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
    }),
    DIGEST: { sign: signPssDigest, verify: verifyPssDigest },
  },
  ecdsa: {
    RAW: messageSigner({ dsaEncoding: 'der' }),
    DIGEST: { sign: signEcdsaDigest, verify: verifyEcdsaDigest },
  },
  ed25519: {
    RAW: {
      sign: (key, message) => sign(null, message, key),
      verify: (key, signature, message) => verify(null, message, key, signature),
    },
  },
  ed25519ph: { DIGEST: { sign: signEd25519phDigest, verify: verifyEd25519phDigest } },
} as const satisfies Record<string, Scheme>;

const ALGORITHMS = {
  RSASSA_PKCS1_V1_5_SHA_256: { hash: 'sha256', scheme: 'pkcs1' },
  RSASSA_PKCS1_V1_5_SHA_384: { hash: 'sha384', scheme: 'pkcs1' },
  RSASSA_PKCS1_V1_5_SHA_512: { hash: 'sha512', scheme: 'pkcs1' },
  RSASSA_PSS_SHA_256: { hash: 'sha256', scheme: 'pss' },
  RSASSA_PSS_SHA_384: { hash: 'sha384', scheme: 'pss' },
  RSASSA_PSS_SHA_512: { hash: 'sha512', scheme: 'pss' },
  ECDSA_SHA_256: { hash: 'sha256', scheme: 'ecdsa' },
  ECDSA_SHA_384: { hash: 'sha384', scheme: 'ecdsa' },
  ECDSA_SHA_512: { hash: 'sha512', scheme: 'ecdsa' },
  ED25519_SHA_512: { hash: 'sha512', scheme: 'ed25519' },
  ED25519_PH_SHA_512: { hash: 'sha512', scheme: 'ed25519ph' },
} as const satisfies Record<string, { readonly hash: SignatureHash; readonly scheme: keyof typeof SCHEMES }>;
