/** The hash functions of the algorithms that sign digests, as Node.js names them, and how long a digest is. */
export const HASH_BYTES = { sha256: 32, sha384: 48, sha512: 64 } as const;

/** One of them. */
export type SignatureHash = keyof typeof HASH_BYTES;
