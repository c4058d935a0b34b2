// The provider for Node and Bun. Contracts: ./provider.ts
import { createHmac, createSecretKey, randomFillSync, timingSafeEqual } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { secretBytes } from '../bytes.ts';
import type { Hash } from '../suites.ts';
import { NODE_HASH } from './node-hash.ts';
import type { Awaitable } from './provider.ts';

export { aesGcmKey, unsafeBytes } from './node-aes.ts';
export { generateSigningKey, verificationKey } from './node-ecdsa.ts';

export function randomBytes(length: number): Uint8Array {
  return randomFillSync(secretBytes(length));
}

export function hmac(hash: Hash, key: Uint8Array, ...parts: Uint8Array[]): Awaitable<Uint8Array> {
  const mac = createHmac(NODE_HASH[hash], hmacKey(key));
  for (const part of parts) mac.update(part);
  return plainBytes(mac.digest());
}

export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

export function yieldToEventLoop(): Promise<void> {
  return setImmediate();
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

export function decodeBase64(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
}

/** Callers of this package never see a Buffer. */
function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

/** Node 24 finds out by an exception that bytes are no key object, which takes ten times as long as making one. */
const hmacKey = Number.parseInt(process.versions.node, 10) >= 24 ? createSecretKey : (key: Uint8Array) => key;
