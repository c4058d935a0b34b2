// AES-GCM for ./web.ts where WebCrypto has no keys of 24 bytes, as in Chromium. Contracts: ./provider.ts
import { gcm } from '@noble/ciphers/aes.js';
import type { WholeKey } from './provider.ts';

export function aesGcmKey(key: Uint8Array): WholeKey {
  const ownKey = key.slice();
  return {
    seal: (iv, aad, plaintext, out, offset) => out.set(gcm(ownKey, iv, aad).encrypt(plaintext), offset),
    open(iv, aad, sealed, out) {
      let plaintext: Uint8Array;
      try {
        plaintext = gcm(ownKey, iv, aad).decrypt(sealed);
      } catch {
        return false;
      }
      out.set(plaintext);
      plaintext.fill(0);
      return true;
    },
  };
}
