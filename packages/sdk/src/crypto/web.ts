// The provider for browsers, workers and Deno, whose Node compatibility has no AES-192-GCM: WebCrypto, and @noble for
// what WebCrypto lacks. Contracts: ./provider.ts
import { concat, secretBytes, wipeAll } from '../bytes.ts';
import type { Hash } from '../suites.ts';
import type { AesGcmKey } from './provider.ts';
import type { AesGcm } from './web-aes.ts';

export { secretBytes as unsafeBytes } from '../bytes.ts';
export { generateSigningKey, verificationKey } from './web-ecdsa.ts';

export function randomBytes(length: number): Uint8Array {
  const bytes = secretBytes(length);
  for (let start = 0; start < length; start += MAX_RANDOM_LENGTH) {
    crypto.getRandomValues(bytes.subarray(start, start + MAX_RANDOM_LENGTH));
  }
  return bytes;
}

export async function aesGcmKey(key: Uint8Array): Promise<AesGcmKey> {
  if (![16, 24, 32].includes(key.length)) throw new RangeError('an AES key has 16, 24 or 32 bytes');
  // Copied before the first await: from then on, the caller may wipe its own.
  const ownKey = concat([key]);
  try {
    return keyOver(await webAesGcm(ownKey));
  } catch (cause) {
    if (ownKey.length !== 24) throw cause;
    // Chromium. Imported here, because few messages need it, and its tables take time and memory as soon as it is
    // loaded.
    const { aesGcm } = await import('./web-aes.ts').catch(notLoaded);
    return keyOver(aesGcm(concat([ownKey])));
  } finally {
    ownKey.fill(0);
  }
}

function notLoaded(cause: unknown): never {
  throw new Error('AES-192 was not loaded: bundle service workers into one file', { cause });
}

/**
 * A key over a cipher. Ciphertext that arrives in pieces is opened when it is complete; until then the input keeps it.
 */
export function keyOver({ encrypt, decrypt }: AesGcm): AesGcmKey {
  return {
    async seal(iv, aad, plaintext, out, offset) {
      out.set(await encrypt(iv, aad, plaintext), offset);
    },
    async open(iv, aad, sealed, out) {
      const plaintext = await decrypt(iv, aad, sealed);
      if (plaintext === false) return false;
      out.set(plaintext);
      plaintext.fill(0);
      return true;
    },
    opener(iv, aad, length) {
      const ownIv = Uint8Array.from(iv);
      return {
        read(input) {
          if (input.length < length + TAG_LENGTH) return undefined;
          const opened = decrypt(ownIv, aad, input.take(length + TAG_LENGTH));
          return opened.then((plaintext) => plaintext && [plaintext]);
        },
      };
    },
  };
}

async function webAesGcm(key: Uint8Array): Promise<AesGcm> {
  const cryptoKey = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);
  const step =
    (direction: 'encrypt' | 'decrypt'): AesGcm['encrypt'] =>
    async (iv, aad, input) => {
      const ownInput = fixed(input);
      try {
        const parameters = { name: 'AES-GCM', iv: fixed(iv), additionalData: fixed(aad) };
        return new Uint8Array(await crypto.subtle[direction](parameters, cryptoKey, ownInput));
      } finally {
        if (ownInput !== input) ownInput.fill(0);
      }
    };
  const decrypt = step('decrypt');
  return {
    encrypt: step('encrypt'),
    decrypt: (...sealed) =>
      decrypt(...sealed).catch((error: Error) => {
        // Any other error is a fault of the page, and must not pass for a changed message.
        if (error.name !== 'OperationError') throw error;
        return false;
      }),
  };
}

/** The same bytes, or a copy if their memory can be resized, which WebCrypto does not accept. */
function fixed(bytes: Uint8Array): Uint8Array {
  const { resizable }: Memory = bytes.buffer;
  return resizable === true ? concat([bytes]) : bytes;
}

export async function hmac(hash: Hash, key: Uint8Array, ...parts: Uint8Array[]): Promise<Uint8Array> {
  // WebCrypto takes no empty key, and HMAC pads short keys with zeros anyway.
  const ownKey = secretBytes(key.length || 1);
  ownKey.set(key);
  const message = concat(parts);
  try {
    const cryptoKey = await crypto.subtle.importKey('raw', ownKey, { name: 'HMAC', hash }, false, ['sign']);
    return new Uint8Array(await crypto.subtle.sign('HMAC', cryptoKey, message));
  } finally {
    wipeAll([ownKey, message]);
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
    // In a hidden page a timer fires only once a second.
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
  try {
    const binary = atob(text);
    // Many texts decode to the same bytes.
    return btoa(binary) === text
      ? Uint8Array.from(binary, (character) => character.charCodeAt(0))
      : undefined;
  } catch {
    return undefined;
  }
}

/** A buffer, with a property that newer runtimes have. */
interface Memory {
  readonly byteLength: number;
  readonly resizable?: boolean;
}

const TAG_LENGTH = 16;
/** Most bytes that `getRandomValues` fills at once. */
const MAX_RANDOM_LENGTH = 65_536;
