import { type MLKEM, ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js';
import type { LatticePairMaterial, LatticeSpec } from '../keys/material/key-material.ts';
import { withExpandedKey } from '../keys/material/lattice-pairs.ts';

/** A secret of 32 bytes, and what only the holder of the private key recovers it from. */
export interface Encapsulated {
  readonly sharedSecret: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** Makes a secret for the holder of the private key (FIPS 203, section 7.2). The caller wipes it. */
export function encapsulate(pair: LatticePairMaterial): Encapsulated {
  const { sharedSecret, cipherText } = algorithmOf(pair).encapsulate(pair.publicKey);
  return { sharedSecret, ciphertext: cipherText };
}

/**
 * Takes the secret out of a ciphertext (FIPS 203, section 7.3). A ciphertext for another key yields another secret, and no
 * error. Returns undefined for a ciphertext of another length. The caller wipes the secret.
 */
export function decapsulation(
  pair: LatticePairMaterial,
  ciphertext: Uint8Array,
): (() => Uint8Array) | undefined {
  const algorithm = algorithmOf(pair);
  if (ciphertext.length !== algorithm.lengths.cipherText) return undefined;
  return () => withExpandedKey(pair, (privateKey) => algorithm.decapsulate(ciphertext, privateKey));
}

function algorithmOf({ spec }: LatticePairMaterial): MLKEM {
  const algorithm = ALGORITHMS.get(spec);
  if (algorithm) return algorithm;
  throw new TypeError('pair: expected one of ML-KEM');
}

const ALGORITHMS: ReadonlyMap<LatticeSpec, MLKEM> = new Map<LatticeSpec, MLKEM>([
  ['ML_KEM_512', ml_kem512],
  ['ML_KEM_768', ml_kem768],
  ['ML_KEM_1024', ml_kem1024],
]);
