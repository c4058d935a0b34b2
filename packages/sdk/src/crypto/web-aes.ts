// AES-GCM for ./web.ts where WebCrypto has no keys of 24 bytes, as in Chromium.
import { gcm } from '@noble/ciphers/aes.js';

/** A key of a runtime or of a library. Ciphertext has its tag behind it; what comes out has memory of its own. */
export interface AesGcm {
  readonly encrypt: AesGcmStep;
  /** Rejects if the tag does not verify. */
  readonly decrypt: AesGcmStep;
}

type AesGcmStep = (iv: Uint8Array, aad: Uint8Array, input: Uint8Array) => Promise<Uint8Array<ArrayBuffer>>;

export function aesGcm(key: Uint8Array): AesGcm {
  // Of a Buffer, `slice` would be no copy.
  const ownKey = Uint8Array.from(key);
  return {
    encrypt: async (iv, aad, plaintext) => gcm(ownKey, iv, aad).encrypt(plaintext),
    decrypt: async (iv, aad, sealed) => gcm(ownKey, iv, aad).decrypt(sealed),
  };
}
