/** The algorithms of Sign and Verify that this KMS has, as the API names them. */
export type SigningAlgorithm =
  | `RSASSA_${'PKCS1_V1_5' | 'PSS'}_SHA_${256 | 384 | 512}`
  | `ECDSA_SHA_${256 | 384 | 512}`
  | 'ED25519_SHA_512';
