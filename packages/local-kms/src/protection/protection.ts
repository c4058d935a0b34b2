import { z } from 'zod';

/** What a new store puts into its header: the sealing key under a passphrase, or under a key in a token. */
export type WrappedKey = z.output<typeof wrappedKey>;

/** Keeps the key that all records are sealed under. */
export interface Protection {
  /** Wraps the key of a new store, bound to what else its header says. Rejects with LocalKmsError `TOKEN_UNAVAILABLE`. */
  wrap(key: Uint8Array, binding: Uint8Array): Promise<WrappedKey>;
  /**
   * Unwraps the key, in bytes that the caller wipes. Rejects with LocalKmsError `SECRET_WRONG` for a key that was wrapped by
   * something else, or `TOKEN_UNAVAILABLE`.
   */
  unwrap(wrapped: WrappedKey, binding: Uint8Array): Promise<Uint8Array>;
}

const bytes = (length: number) =>
  z
    .base64()
    .transform((text): Uint8Array => Buffer.from(text, 'base64'))
    .refine((bytes) => bytes.length === length);

/** Read from a header. The limits keep a forged one from using up the memory of the machine. */
export const wrappedKey = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('passphrase'),
    /** The parameters of scrypt (RFC 7914): N as a power of two, r, p. */
    costLog2: z.int().min(14).max(20),
    blockSize: z.literal(8),
    parallelization: z.literal(1),
    salt: bytes(16),
    /** The IV, the key and the tag. */
    sealed: bytes(12 + 32 + 16),
  }),
  z.strictObject({ type: z.literal('pkcs11'), iv: bytes(12), ciphertext: bytes(32), tag: bytes(16) }),
]);

/** The same as it stands in a header. */
export function wrappedKeyText(wrapped: WrappedKey): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(wrapped).map(([name, value]) => [
      name,
      value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
    ]),
  );
}
