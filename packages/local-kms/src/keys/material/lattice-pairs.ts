import { createSecretKey, randomBytes, timingSafeEqual } from 'node:crypto';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import { ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import type { LatticePairMaterial, LatticeSpec, PairMaterial } from './key-material.ts';

/** A fresh pair of ML-DSA or ML-KEM. */
export function generateLatticePair(spec: LatticeSpec): LatticePairMaterial {
  const { seedBytes, algorithm } = ROWS[spec];
  const seed = randomBytes(seedBytes);
  const { secretKey, publicKey } = algorithm.keygen(seed);
  secretKey.fill(0);
  try {
    return { type: 'lattice-pair', spec, seed: createSecretKey(seed), publicKey };
  } finally {
    seed.fill(0);
  }
}

/**
 * The pair of a PKCS #8 private key in DER with its seed, alone or before the expanded key that follows from it (RFC
 * 9881 and RFC 9935, section 6). Undefined for anything else, and so for an expanded key alone: nothing leads back
 * from it to a seed.
 */
export function importLatticePair(spec: LatticeSpec, pkcs8: Uint8Array): LatticePairMaterial | undefined {
  const { seedBytes, algorithm } = ROWS[spec];
  const expandedBytes = algorithm.lengths.secretKey ?? 0;
  const end = pkcs8.length > expandedBytes ? pkcs8.length - expandedBytes - LONG_HEADER_BYTES : pkcs8.length;
  const seed = Buffer.from(pkcs8.subarray(Math.max(end - seedBytes, 0), end));
  if (seed.length !== seedBytes) return undefined;
  const { secretKey, publicKey } = algorithm.keygen(seed);
  try {
    const isPair = isPrivateKey(spec, { seed, secretKey }, pkcs8);
    return isPair ? { type: 'lattice-pair', spec, seed: createSecretKey(seed), publicKey } : undefined;
  } finally {
    seed.fill(0);
    secretKey.fill(0);
  }
}

/** The private key in PKCS #8, in DER, with the seed alone. The caller wipes it. */
export function latticePrivateKeyBytes({ spec, seed }: LatticePairMaterial): Buffer {
  const bytes = seed.export();
  try {
    return privateKeyInfo(spec, withHeader(SEED_TAG, bytes));
  } finally {
    bytes.fill(0);
  }
}

/** The public key as SubjectPublicKeyInfo, in DER (RFC 9881 and RFC 9935, section 4). */
export function latticePublicKeyBytes({ spec, publicKey }: LatticePairMaterial): Buffer {
  const bits = withHeader(BIT_STRING, Buffer.of(0), publicKey);
  return Buffer.concat(withHeader(SEQUENCE, ...algorithmIdentifier(spec), ...bits));
}

/** Lends the expanded private key, and wipes it afterwards. */
export function withExpandedKey<Value>(
  { spec, seed }: LatticePairMaterial,
  use: (privateKey: Uint8Array) => Value,
): Value {
  const bytes = seed.export();
  const { secretKey } = ROWS[spec].algorithm.keygen(bytes);
  bytes.fill(0);
  try {
    return use(secretKey);
  } finally {
    secretKey.fill(0);
  }
}

/** Narrows a pair. Throws TypeError for one that node:crypto computes with. */
export function latticePair(pair: PairMaterial): LatticePairMaterial {
  if (pair.type === 'lattice-pair') return pair;
  throw new TypeError('pair: expected one of ML-DSA or ML-KEM');
}

/** DER has one spelling of a value, so what is written here is compared instead of being read. */
function isPrivateKey(
  spec: LatticeSpec,
  { seed, secretKey }: { readonly seed: Uint8Array; readonly secretKey: Uint8Array },
  pkcs8: Uint8Array,
): boolean {
  const octets = [...withHeader(OCTET_STRING, seed), ...withHeader(OCTET_STRING, secretKey)];
  const keys = [withHeader(SEED_TAG, seed), withHeader(SEQUENCE, ...octets)].map((form) =>
    privateKeyInfo(spec, form),
  );
  const isOne = keys.some((key) => key.length === pkcs8.length && timingSafeEqual(key, pkcs8));
  for (const key of keys) key.fill(0);
  return isOne;
}

function privateKeyInfo(spec: LatticeSpec, privateKey: Parts): Buffer {
  const octets = withHeader(OCTET_STRING, ...privateKey);
  return Buffer.concat(withHeader(SEQUENCE, VERSION_0, ...algorithmIdentifier(spec), ...octets));
}

function algorithmIdentifier(spec: LatticeSpec): Parts {
  return withHeader(SEQUENCE, NIST_ALGORITHMS, Buffer.from(ROWS[spec].arc));
}

/** The parts of something in DER: put together at the end, so that a secret is in one copy. */
type Parts = readonly Uint8Array[];

/** Parts with the tag and length of a value of DER below 64 KiB before them. */
function withHeader(tag: number, ...parts: Parts): Parts {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const long = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return [Buffer.of(tag, ...(length < 0x80 ? [length] : long)), ...parts];
}

const SEQUENCE = 0x30;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
// [0] IMPLICIT OCTET STRING: the choice of a seed alone.
const SEED_TAG = 0x80;
const VERSION_0 = Buffer.of(0x02, 1, 0);
// Tag and length of an expanded key.
const LONG_HEADER_BYTES = 4;
// The OBJECT IDENTIFIER 2.16.840.1.101.3.4, but for its last two arcs.
const NIST_ALGORITHMS = Buffer.from('060960864801650304', 'hex');

const ML_DSA_SEED_BYTES = 32;
const ML_KEM_SEED_BYTES = 64;
const ROWS = {
  ML_DSA_44: { algorithm: ml_dsa44, seedBytes: ML_DSA_SEED_BYTES, arc: [3, 17] },
  ML_DSA_65: { algorithm: ml_dsa65, seedBytes: ML_DSA_SEED_BYTES, arc: [3, 18] },
  ML_DSA_87: { algorithm: ml_dsa87, seedBytes: ML_DSA_SEED_BYTES, arc: [3, 19] },
  ML_KEM_512: { algorithm: ml_kem512, seedBytes: ML_KEM_SEED_BYTES, arc: [4, 1] },
  ML_KEM_768: { algorithm: ml_kem768, seedBytes: ML_KEM_SEED_BYTES, arc: [4, 2] },
  ML_KEM_1024: { algorithm: ml_kem1024, seedBytes: ML_KEM_SEED_BYTES, arc: [4, 3] },
} as const satisfies Record<LatticeSpec, object>;
