// The provider for browsers, workers and Deno, whose Node compatibility has no AES-192-GCM: WebCrypto, and @noble
// for what WebCrypto has not. Contracts: ./provider.ts
import { concat, secretBytes } from '../bytes.ts';
import type { Hash } from '../suites.ts';
import type { AesGcmKey } from './provider.ts';
import type { AesGcm } from './web-aes.ts';

export { generateSigningKey, verificationKey } from './web-ecdsa.ts';

export function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(secretBytes(length));
}

export function unsafeBytes(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length);
}

export async function aesGcmKey(key: Uint8Array): Promise<AesGcmKey> {
  if (![16, 24, 32].includes(key.length)) throw new RangeError('an AES key has 16, 24 or 32 bytes');
  // Before anything is waited for: from then on, the caller may wipe his.
  const ownKey = Uint8Array.from(key);
  try {
    return keyOver(await webAesGcm(ownKey));
  } catch (cause) {
    if (ownKey.length !== 24) throw cause;
    // Chromium. Few messages need it, and its tables take time and memory as soon as it is loaded.
    return keyOver((await import('./web-aes.ts')).aesGcm(ownKey));
  } finally {
    ownKey.fill(0);
  }
}

/** A key over a cipher. What comes piece by piece is opened when it is all there: until then it is the input that keeps it. */
export function keyOver({ encrypt, decrypt }: AesGcm): AesGcmKey {
  const refused = (): false => false;
  return {
    async seal(iv, aad, plaintext, out, offset) {
      out.set(await encrypt(iv, aad, plaintext), offset);
    },
    open: (iv, aad, sealed, out) =>
      decrypt(iv, aad, sealed).then((plaintext) => {
        out.set(plaintext);
        plaintext.fill(0);
        return true;
      }, refused),
    opener(iv, aad, length) {
      const ownIv = Uint8Array.from(iv);
      return {
        read(input) {
          if (input.length < length + TAG_LENGTH) return undefined;
          return decrypt(ownIv, aad, input.take(length + TAG_LENGTH)).then(
            (plaintext) => [plaintext],
            refused,
          );
        },
      };
    },
  };
}

async function webAesGcm(key: Uint8Array): Promise<AesGcm> {
  const cryptoKey = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);
  const parameters = (iv: Uint8Array, additionalData: Uint8Array) => ({
    name: 'AES-GCM',
    iv,
    additionalData,
  });
  return {
    encrypt: async (iv, aad, plaintext) =>
      new Uint8Array(await crypto.subtle.encrypt(parameters(iv, aad), cryptoKey, plaintext)),
    decrypt: async (iv, aad, sealed) =>
      new Uint8Array(await crypto.subtle.decrypt(parameters(iv, aad), cryptoKey, sealed)),
  };
}

export async function hmac(hash: Hash, key: Uint8Array, ...parts: Uint8Array[]): Promise<Uint8Array> {
  const message = concat(parts);
  try {
    const cryptoKey = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash }, false, ['sign']);
    return new Uint8Array(await crypto.subtle.sign('HMAC', cryptoKey, message));
  } finally {
    message.fill(0);
  }
}

export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (const [i, byte] of a.entries()) difference |= byte ^ (b[i] ?? 0);
  return difference === 0;
}

export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof MessageChannel === 'undefined') return void setTimeout(resolve);
    // In a page that nobody sees a timer comes once a second.
    const { port1, port2 } = new MessageChannel();
    port1.addEventListener('message', () => resolve(port1.close()));
    port1.start();
    port2.postMessage(0);
  });
}

export function encodeBase64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

export function decodeBase64(text: string): Uint8Array | undefined {
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    return undefined;
  }
  // Many texts decode to the same bytes.
  if (btoa(binary) !== text) return undefined;
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

const TAG_LENGTH = 16;
