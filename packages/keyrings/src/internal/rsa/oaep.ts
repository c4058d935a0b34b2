import { type KeyObject, webcrypto } from 'node:crypto';

/** The hashes of OAEP, which are also those of its mask generation. */
export type OaepHash = 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';

/**
 * RSAES-OAEP decryption under one private key, with an empty label.
 *
 * Uses WebCrypto although `privateDecrypt` has it too: that returns a copy of memory which it frees without wiping, so that
 * data keys would be left in the process. WebCrypto also keeps the calculation off the event loop.
 *
 * The function rejects with a `DOMException` for a wrong padding.
 *
 * @see RFC 8017 section 7.1.2
 */
export function oaepDecryption(
  privateKey: KeyObject,
  hash: OaepHash,
): (ciphertext: Uint8Array) => Promise<Uint8Array> {
  let imported: Promise<webcrypto.CryptoKey> | undefined;
  return async (ciphertext) => {
    imported ??= importKey(privateKey, hash);
    return new Uint8Array(await webcrypto.subtle.decrypt({ name: 'RSA-OAEP' }, await imported, ciphertext));
  };
}

async function importKey(privateKey: KeyObject, hash: OaepHash): Promise<webcrypto.CryptoKey> {
  const der = privateKey.export({ format: 'der', type: 'pkcs8' });
  try {
    return await webcrypto.subtle.importKey('pkcs8', der, { name: 'RSA-OAEP', hash }, false, ['decrypt']);
  } finally {
    der.fill(0);
  }
}
