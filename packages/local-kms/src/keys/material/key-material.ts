import type { KeyObject } from 'node:crypto';

/** What a key computes with: one secret for AES and HMAC, a pair for RSA and elliptic curves. */
export type KeyMaterial = SecretMaterial | KeyPairMaterial;

/** A secret of an AES or HMAC key. */
export interface SecretMaterial {
  readonly type: 'secret';
  readonly key: KeyObject;
}

/** Both halves of an asymmetric key. */
export interface KeyPairMaterial {
  readonly type: 'pair';
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}
