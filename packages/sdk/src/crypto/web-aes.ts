// AES-GCM for ./web.ts where WebCrypto has no keys of 24 bytes, as in Chromium. Contracts: ./provider.ts
import { gcm } from '@noble/ciphers/aes.js';
import { collecting } from './collecting.ts';
import type { AesGcmKey } from './provider.ts';

export function aesGcmKey(key: Uint8Array): AesGcmKey {
  const ownKey = key.slice();
  return collecting({
    seal: (iv, aad, plaintext, out, offset) => out.set(gcm(ownKey, iv, aad).encrypt(plaintext), offset),
    open(iv, aad, sealed, out, offset) {
      let plaintext: Uint8Array;
      try {
        plaintext = gcm(ownKey, iv, aad).decrypt(sealed);
      } catch {
        return false;
      }
      out.set(plaintext, offset);
      plaintext.fill(0);
      return true;
    },
  });
}
