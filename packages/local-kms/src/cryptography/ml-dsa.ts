import { type DSA, ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa.js';
import type { LatticePairMaterial, LatticeSpec } from '../keys/material/key-material.ts';
import { withExpandedKey } from '../keys/material/lattice-pairs.ts';

/** Signs a message with ML-DSA, with fresh randomness and an empty context (FIPS 204, section 5.2). */
export function signMlDsa(pair: LatticePairMaterial, message: Uint8Array): Uint8Array {
  return withExpandedKey(pair, (privateKey) => algorithmOf(pair).sign(message, privateKey));
}

/** Whether a signature is one of `signMlDsa` (FIPS 204, section 5.3). */
export function verifyMlDsa(pair: LatticePairMaterial, signature: Uint8Array, message: Uint8Array): boolean {
  return algorithmOf(pair).verify(signature, message, pair.publicKey);
}

/** Signs μ, the 64 bytes that a message and the public key were hashed to (FIPS 204, section 6.2, line 6). */
export function signMlDsaMu(pair: LatticePairMaterial, mu: Uint8Array): Uint8Array {
  return withExpandedKey(pair, (privateKey) => algorithmOf(pair).internal.sign(mu, privateKey, EXTERNAL_MU));
}

/** Whether a signature is one over μ, and so over its message. */
export function verifyMlDsaMu(pair: LatticePairMaterial, signature: Uint8Array, mu: Uint8Array): boolean {
  return algorithmOf(pair).internal.verify(signature, mu, pair.publicKey, EXTERNAL_MU);
}

function algorithmOf({ spec }: LatticePairMaterial): DSA {
  const algorithm = ALGORITHMS.get(spec);
  if (algorithm) return algorithm;
  throw new TypeError('pair: expected one of ML-DSA');
}

const ALGORITHMS: ReadonlyMap<LatticeSpec, DSA> = new Map<LatticeSpec, DSA>([
  ['ML_DSA_44', ml_dsa44],
  ['ML_DSA_65', ml_dsa65],
  ['ML_DSA_87', ml_dsa87],
]);
const EXTERNAL_MU = { externalMu: true } as const;
