// AES-GCM for ./web.ts where WebCrypto has no keys of 24 bytes, as in Chromium.
import { gcm } from '@noble/ciphers/aes.js';

/**
 * AES-GCM under one key, of a runtime or of a library. The tag follows the ciphertext. Results have memory of their
 * own.
 */
export interface AesGcm {
  readonly encrypt: AesGcmStep<never>;
  /** Resolves to false if there is no tag or it does not verify. */
  readonly decrypt: AesGcmStep<false>;
}

type AesGcmStep<Refusal> = (
  iv: Uint8Array,
  aad: Uint8Array,
  input: Uint8Array,
) => Promise<Uint8Array<ArrayBuffer> | Refusal>;

/** Keeps `key`, which must not change. */
export function aesGcm(key: Uint8Array): AesGcm {
  return {
    encrypt: async (iv, aad, plaintext) => gcm(key, iv, aad).encrypt(plaintext),
    async decrypt(iv, aad, sealed) {
      const cipher = gcm(key, iv, aad);
      try {
        return cipher.decrypt(sealed);
      } catch (error) {
        // A mistake of the caller. There is no error class for tags that do not verify.
        if (error instanceof TypeError) throw error;
        return false;
      }
    },
  };
}
