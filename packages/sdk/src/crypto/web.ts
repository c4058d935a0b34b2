// The provider for browsers, workers and Deno, whose Node compatibility has no AES-192-GCM: WebCrypto, and @noble
// for what WebCrypto has not. Contracts: ./provider.ts
import { gcm } from '@noble/ciphers/aes.js';
import { p256, p384 } from '@noble/curves/nist.js';
import { sha256, sha384 } from '@noble/hashes/sha2.js';
import { secretBytes } from '../bytes.ts';
import type { Curve, Hash } from '../suites.ts';
import type { AesGcmKey, SigningKey, VerificationKey } from './provider.ts';

export function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(secretBytes(length));
}

export async function aesGcmKey(key: Uint8Array): Promise<AesGcmKey> {
  if (![16, 24, 32].includes(key.length)) throw new RangeError('an AES key has 16, 24 or 32 bytes');
  // Chromium's WebCrypto has no AES-192.
  return key.length === 24 ? nobleAesGcmKey(key) : webAesGcmKey(key);
}

async function webAesGcmKey(key: Uint8Array): Promise<AesGcmKey> {
  const usages = ['encrypt', 'decrypt'] as const;
  const cryptoKey = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, [...usages]);
  const parameters = (iv: Uint8Array, additionalData: Uint8Array) => ({
    name: 'AES-GCM',
    iv,
    additionalData,
  });
  return {
    async seal(iv, aad, plaintext, out) {
      out.set(new Uint8Array(await crypto.subtle.encrypt(parameters(iv, aad), cryptoKey, plaintext)));
    },
    async open(iv, aad, sealed, out) {
      let plaintext: Uint8Array;
      try {
        plaintext = new Uint8Array(await crypto.subtle.decrypt(parameters(iv, aad), cryptoKey, sealed));
      } catch {
        return false;
      }
      out.set(plaintext);
      plaintext.fill(0);
      return true;
    },
  };
}

function nobleAesGcmKey(key: Uint8Array): AesGcmKey {
  const ownKey = key.slice();
  return {
    seal: (iv, aad, plaintext, out) => out.set(gcm(ownKey, iv, aad).encrypt(plaintext)),
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

export async function hash(algorithm: Hash, bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest(algorithm, bytes));
}

export async function hmac(algorithm: Hash, key: Uint8Array, ...parts: Uint8Array[]): Promise<Uint8Array> {
  const parameters = { name: 'HMAC', hash: algorithm };
  const cryptoKey = await crypto.subtle.importKey('raw', key, parameters, false, ['sign']);
  const message = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    message.set(part, offset);
    offset += part.length;
  }
  try {
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

// WebCrypto signs and verifies whole messages only: to hash frames as they pass, the curve has to be @noble's.
export function generateSigningKey(curve: Curve, algorithm: Hash): SigningKey {
  const { secretKey, publicKey } = CURVES[curve].keygen();
  return {
    publicKey,
    signer() {
      const digest = incrementalHash(algorithm);
      return {
        update: (bytes) => void digest.update(bytes),
        sign: () => CURVES[curve].sign(digest.digest(), secretKey, { prehash: false, lowS: false }),
      };
    },
  };
}

export function verificationKey(
  curve: Curve,
  algorithm: Hash,
  point: Uint8Array,
): VerificationKey | undefined {
  if (point.length !== CURVES[curve].lengths.publicKey || !isPoint(curve, point)) return undefined;
  return {
    verifier() {
      const digest = incrementalHash(algorithm);
      return {
        update: (bytes) => void digest.update(bytes),
        verify: (signature) =>
          CURVES[curve].verify(signature, digest.digest(), point, { prehash: false, lowS: false }),
      };
    },
  };
}

export function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
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
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  return encodeBase64(bytes) === text ? bytes : undefined;
}

function isPoint(curve: Curve, bytes: Uint8Array): boolean {
  try {
    CURVES[curve].Point.fromBytes(bytes).assertValidity();
    return true;
  } catch {
    return false;
  }
}

function incrementalHash(
  algorithm: Hash,
): ReturnType<typeof sha256.create> | ReturnType<typeof sha384.create> {
  return algorithm === 'SHA-256' ? sha256.create() : sha384.create();
}

const CURVES = { 'P-256': p256, 'P-384': p384 } as const;
