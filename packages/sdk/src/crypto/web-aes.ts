// AES-GCM for ./web.ts where WebCrypto has no keys of 24 bytes, as in Chromium.
import { gcm } from '@noble/ciphers/aes.js';

/** A key of a runtime or of a library. Ciphertext has its tag behind it; what comes out has memory of its own. */
export interface AesGcm {
  readonly encrypt: AesGcmStep<never>;
  /** Answers false for what has no tag, or one that does not verify. */
  readonly decrypt: AesGcmStep<false>;
}

type AesGcmStep<Refusal> = (
  iv: Uint8Array,
  aad: Uint8Array,
  input: Uint8Array,
) => Promise<Uint8Array<ArrayBuffer> | Refusal>;

/** Keeps the key, which has to stay as it is. */
export function aesGcm(key: Uint8Array): AesGcm {
  return {
    encrypt: async (iv, aad, plaintext) => gcm(key, iv, aad).encrypt(plaintext),
    async decrypt(iv, aad, sealed) {
      const cipher = gcm(key, iv, aad);
      try {
        return cipher.decrypt(sealed);
      } catch (error) {
        // A fault of the caller; for a tag there is no error of its own.
        if (error instanceof TypeError) throw error;
        return false;
      }
    },
  };
}
