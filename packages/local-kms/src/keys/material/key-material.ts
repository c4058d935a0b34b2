import type { KeyObject } from 'node:crypto';

/** What a key computes with: one secret for AES and HMAC, a pair for everything else. */
export type KeyMaterial = SecretMaterial | PairMaterial;

/** Both halves of an asymmetric key. */
export type PairMaterial = KeyPairMaterial | LatticePairMaterial;

/** A secret of an AES or HMAC key. */
export interface SecretMaterial {
  readonly type: 'secret';
  readonly key: KeyObject;
}

/** A pair of RSA or on an elliptic curve, which node:crypto computes with. */
export interface KeyPairMaterial {
  readonly type: 'pair';
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

/** A pair of a module lattice (ML-DSA, ML-KEM), which node:crypto of Node 20 does not have. */
export interface LatticePairMaterial {
  readonly type: 'lattice-pair';
  readonly spec: LatticeSpec;
  /** What the pair follows from, as a secret key object: the expanded private key is made where it is used. */
  readonly seed: KeyObject;
  /** As FIPS 203 and FIPS 204 encode it. */
  readonly publicKey: Uint8Array;
}

/** The key specs of module lattices, as the API names them. */
export type LatticeSpec =
  | 'ML_DSA_44'
  | 'ML_DSA_65'
  | 'ML_DSA_87'
  | 'ML_KEM_512'
  | 'ML_KEM_768'
  | 'ML_KEM_1024';
