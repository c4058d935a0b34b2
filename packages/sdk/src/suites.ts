/** Named curve of a signing suite. */
export type Curve = 'P-256' | 'P-384';

/** Hash function of a derivation or signature, by its WebCrypto name. */
export type Hash = 'SHA-256' | 'SHA-384' | 'SHA-512';

/** Id of an algorithm suite of the AWS Encryption SDK, as it stands in message headers. */
export type AlgorithmSuiteId = keyof typeof ROWS;

/**
 * All properties of one algorithm suite. All suites encrypt with AES-GCM, 12-byte IVs and 16-byte tags.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/algorithm-suites.md
 */
export interface AlgorithmSuite {
  readonly id: AlgorithmSuiteId;
  readonly name: string;
  /** Version of the message format that carries this suite. */
  readonly messageVersion: 1 | 2;
  /** Bytes of the data key a keyring must supply, and of the content key. */
  readonly dataKeyLength: 16 | 24 | 32;
  /** How content key and commit key come from the data key. */
  readonly derivation:
    | { readonly kind: 'identity' }
    | { readonly kind: 'hkdf'; readonly hash: Hash }
    | { readonly kind: 'hkdf-commit'; readonly hash: Hash };
  /** True if the header commits to the data key. */
  readonly committing: boolean;
  /** Present if messages end with an ECDSA signature. */
  readonly signature?: { readonly curve: Curve; readonly hash: Hash };
}

/** The suite with this id, or `undefined`: other AWS clients use ids that no Encryption SDK message may carry. */
export function suiteById(id: number): AlgorithmSuite | undefined {
  return SUITES.get(id);
}

/** Bytes of a coordinate of a point, and of each half of a signature. */
export const COORDINATE_LENGTH = { 'P-256': 32, 'P-384': 48 } as const satisfies Record<Curve, number>;

const IDENTITY = Object.freeze({ kind: 'identity' } as const);
const SHA256 = Object.freeze({ kind: 'hkdf', hash: 'SHA-256' } as const);
const SHA384 = Object.freeze({ kind: 'hkdf', hash: 'SHA-384' } as const);
const SHA512 = Object.freeze({ kind: 'hkdf-commit', hash: 'SHA-512' } as const);
const P256 = Object.freeze({ curve: 'P-256', hash: 'SHA-256' } as const);
const P384 = Object.freeze({ curve: 'P-384', hash: 'SHA-384' } as const);

const V1 = { messageVersion: 1, committing: false } as const;
const V2 = { messageVersion: 2, committing: true } as const;

// biome-ignore format: one suite, one row
const ROWS = {
  0x0014: { ...V1, id: 0x0014, name: 'AES_128_GCM_NO_KDF', dataKeyLength: 16, derivation: IDENTITY },
  0x0046: { ...V1, id: 0x0046, name: 'AES_192_GCM_NO_KDF', dataKeyLength: 24, derivation: IDENTITY },
  0x0078: { ...V1, id: 0x0078, name: 'AES_256_GCM_NO_KDF', dataKeyLength: 32, derivation: IDENTITY },
  0x0114: { ...V1, id: 0x0114, name: 'AES_128_GCM_HKDF_SHA256', dataKeyLength: 16, derivation: SHA256 },
  0x0146: { ...V1, id: 0x0146, name: 'AES_192_GCM_HKDF_SHA256', dataKeyLength: 24, derivation: SHA256 },
  0x0178: { ...V1, id: 0x0178, name: 'AES_256_GCM_HKDF_SHA256', dataKeyLength: 32, derivation: SHA256 },
  0x0214: { ...V1, id: 0x0214, name: 'AES_128_GCM_HKDF_SHA256_ECDSA_P256', dataKeyLength: 16, derivation: SHA256, signature: P256 },
  0x0346: { ...V1, id: 0x0346, name: 'AES_192_GCM_HKDF_SHA384_ECDSA_P384', dataKeyLength: 24, derivation: SHA384, signature: P384 },
  0x0378: { ...V1, id: 0x0378, name: 'AES_256_GCM_HKDF_SHA384_ECDSA_P384', dataKeyLength: 32, derivation: SHA384, signature: P384 },
  0x0478: { ...V2, id: 0x0478, name: 'AES_256_GCM_HKDF_SHA512_COMMIT_KEY', dataKeyLength: 32, derivation: SHA512 },
  0x0578: { ...V2, id: 0x0578, name: 'AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384', dataKeyLength: 32, derivation: SHA512, signature: P384 },
} as const;

const SUITES: ReadonlyMap<number, AlgorithmSuite> = new Map(
  Object.values(ROWS).map((row: AlgorithmSuite) => [row.id, Object.freeze(row)]),
);
