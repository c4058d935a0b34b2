import { constants, type KeyObject, type SigningOptions, sign, verify } from 'node:crypto';
import type { PairMaterial } from '../keys/material/key-material.ts';
import { nodePair } from '../keys/material/key-pairs.ts';
import { latticePair } from '../keys/material/lattice-pairs.ts';
import { KmsException } from '../kms-exception.ts';
import { signEcdsaDigest, verifyEcdsaDigest } from './digest-signatures/ecdsa.ts';
import { signEd25519phDigest, verifyEd25519phDigest } from './digest-signatures/ed25519ph.ts';
import { HASH_BYTES, type SignatureHash } from './digest-signatures/hashes.ts';
import { signPkcs1Digest, verifyPkcs1Digest } from './digest-signatures/pkcs1.ts';
import { signPssDigest, verifyPssDigest } from './digest-signatures/pss.ts';
import { signMlDsa, signMlDsaMu, verifyMlDsa, verifyMlDsaMu } from './ml-dsa.ts';

/** The algorithms of Sign and Verify that this KMS has, as the API names them. */
export type SigningAlgorithm = keyof typeof ALGORITHMS;

/** What a message is, as the API names it. */
export const MESSAGE_TYPES = ['RAW', 'DIGEST', 'EXTERNAL_MU'] as const;

/** A message, or what one was hashed to, and how it is signed. */
interface SignatureInput {
  readonly algorithm: SigningAlgorithm;
  readonly message: Uint8Array;
  /** Whether the message is still to be hashed, and if not, how it was. */
  readonly messageType: (typeof MESSAGE_TYPES)[number];
}

/** Signs a message, or what one was hashed to, and verifies such signatures. */
interface Signer {
  /** The length of what takes the place of the message: a digest, or μ of ML-DSA. undefined for a message itself. */
  readonly messageBytes?: number;
  sign(pair: PairMaterial, message: Uint8Array): Uint8Array;
  verify(pair: PairMaterial, signature: Uint8Array, message: Uint8Array): boolean;
}

/** An algorithm, by the types of message that it takes. */
type Scheme = { readonly [Type in SignatureInput['messageType']]?: Signer };

/**
 * What signs a message: PKCS #1 for RSA, DER for ECDSA, 64 bytes for Ed25519, the encoding of FIPS 204 for ML-DSA.
 * Throws ValidationException for a message type that the algorithm does not take, or a digest of another length.
 */
export function signerFor({ algorithm, message, messageType }: SignatureInput): Signer {
  const { [messageType]: signer }: Scheme = ALGORITHMS[algorithm];
  if (!signer) throw invalid(`MessageType: ${messageType} does not go with ${algorithm}`);
  const { messageBytes = message.length } = signer;
  if (message.length === messageBytes) return signer;
  throw invalid(`Message: must hold ${messageBytes} bytes, as ${messageType} of ${algorithm} has`);
}

/** Signs messages as node:crypto does, which hashes whatever it signs. */
function messageSigner(hash: SignatureHash | null, options: SigningOptions = {}): Signer {
  return {
    sign: (pair, message) => sign(hash, message, { key: nodePair(pair).privateKey, ...options }),
    verify: (pair, signature, message) =>
      verify(hash, message, { key: nodePair(pair).publicKey, ...options }, signature),
  };
}

/** Signs digests, which node:crypto does not. */
function digestSigner(
  hash: SignatureHash,
  signDigest: (key: KeyObject, digest: Uint8Array, hash: SignatureHash) => Uint8Array,
  verifyDigest: (key: KeyObject, signature: Uint8Array, digest: Uint8Array, hash: SignatureHash) => boolean,
): Signer {
  return {
    messageBytes: HASH_BYTES[hash],
    sign: (pair, digest) => signDigest(nodePair(pair).privateKey, digest, hash),
    verify: (pair, signature, digest) => verifyDigest(nodePair(pair).publicKey, signature, digest, hash),
  };
}

function pkcs1(hash: SignatureHash): Scheme {
  return {
    RAW: messageSigner(hash, { padding: constants.RSA_PKCS1_PADDING }),
    DIGEST: digestSigner(hash, signPkcs1Digest, verifyPkcs1Digest),
  };
}

function pss(hash: SignatureHash): Scheme {
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return {
    RAW: messageSigner(hash, { padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }),
    DIGEST: digestSigner(hash, signPssDigest, verifyPssDigest),
  };
}

function ecdsa(hash: SignatureHash): Scheme {
  return {
    RAW: messageSigner(hash, { dsaEncoding: 'der' }),
    DIGEST: digestSigner(hash, signEcdsaDigest, verifyEcdsaDigest),
  };
}

function invalid(message: string): KmsException {
  return new KmsException('ValidationException', message);
}

const ALGORITHMS = {
  RSASSA_PKCS1_V1_5_SHA_256: pkcs1('sha256'),
  RSASSA_PKCS1_V1_5_SHA_384: pkcs1('sha384'),
  RSASSA_PKCS1_V1_5_SHA_512: pkcs1('sha512'),
  RSASSA_PSS_SHA_256: pss('sha256'),
  RSASSA_PSS_SHA_384: pss('sha384'),
  RSASSA_PSS_SHA_512: pss('sha512'),
  ECDSA_SHA_256: ecdsa('sha256'),
  ECDSA_SHA_384: ecdsa('sha384'),
  ECDSA_SHA_512: ecdsa('sha512'),
  ED25519_SHA_512: { RAW: messageSigner(null) },
  ED25519_PH_SHA_512: { DIGEST: digestSigner('sha512', signEd25519phDigest, verifyEd25519phDigest) },
  ML_DSA_SHAKE_256: {
    RAW: {
      sign: (pair, message) => signMlDsa(latticePair(pair), message),
      verify: (pair, signature, message) => verifyMlDsa(latticePair(pair), signature, message),
    },
    EXTERNAL_MU: {
      messageBytes: 64,
      sign: (pair, mu) => signMlDsaMu(latticePair(pair), mu),
      verify: (pair, signature, mu) => verifyMlDsaMu(latticePair(pair), signature, mu),
    },
  },
} as const satisfies Record<string, Scheme>;
