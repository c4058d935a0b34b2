// The provider for Node and Bun. Contracts: ./provider.ts
import {
  createHmac,
  createPublicKey,
  createSecretKey,
  createSign,
  createVerify,
  generateKeyPair,
  type KeyObject,
  randomFillSync,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { secretBytes } from '../bytes.ts';
import { COORDINATE_LENGTH, type Curve, type Hash } from '../suites.ts';
import type { Awaitable, SigningKey, VerificationKey } from './provider.ts';

export { aesGcmKey, unsafeBytes } from './node-aes.ts';

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

export async function generateSigningKey(curve: Curve, hash: Hash): Promise<SigningKey> {
  // Never the synchronous form: on Node 20 the process can come to a standstill when the new key is exported, for
  // garbage collection then waits for a lock that the export holds.
  const { privateKey, publicKey } = await newKeyPair('ec', { namedCurve: CURVES[curve].nodeName });
  const key = { key: privateKey, dsaEncoding: 'ieee-p1363' } as const;
  const algorithm = NODE_HASH[hash];
  return {
    publicKey: compressedPoint(publicKey),
    signer() {
      const signed = hashing(() => createSign(algorithm));
      return {
        update: (bytes) => signed.update(bytes),
        sign: () => signed.long?.sign(key) ?? signInThread(algorithm, signed.short(), key),
      };
    },
  };
}

export function verificationKey(
  curve: Curve,
  hash: Hash,
  point: Uint8Array,
): Awaitable<VerificationKey | undefined> {
  const { spkiPrefix } = CURVES[curve];
  if (point.length !== 1 + COORDINATE_LENGTH[curve] || (point[0] !== 2 && point[0] !== 3)) return undefined;
  let key: KeyObject;
  try {
    // OpenSSL decompresses the point and refuses one that is not on the curve.
    key = createPublicKey({ key: Buffer.concat([spkiPrefix, point]), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
  const options = { key, dsaEncoding: 'ieee-p1363' } as const;
  const algorithm = NODE_HASH[hash];
  return {
    verifier() {
      const verified = hashing(() => createVerify(algorithm));
      return {
        update: (bytes) => verified.update(bytes),
        verify: (signature) =>
          verified.long?.verify(options, signature) ??
          verifyInThread(algorithm, verified.short(), options, signature),
      };
    },
  };
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

/** The bytes of a message, hashed as they pass; those of a short one kept, to be hashed and signed in one call. */
interface Hashing<H> {
  update(bytes: Uint8Array): void;
  /** Present for a long message. */
  readonly long: H | undefined;
  /** All bytes of a short message. */
  short(): Uint8Array;
}

function hashing<H extends { update(bytes: Uint8Array): unknown }>(start: () => H): Hashing<H> {
  let kept: Uint8Array[] = [];
  let length = 0;
  let long: H | undefined;
  return {
    update(bytes) {
      length += bytes.length;
      if (length <= MAX_SHORT_LENGTH) {
        kept.push(bytes.slice());
        return;
      }
      long ??= start();
      for (const part of kept) long.update(part);
      kept = [];
      long.update(bytes);
    },
    get long() {
      return long;
    },
    short: () => Buffer.concat(kept),
  };
}

/** Callers of this package never see a Buffer. */
function plainBytes(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}

function compressedPoint(publicKey: KeyObject): Uint8Array {
  // Coordinates in a JWK have their full length (RFC 7518 section 6.2.1.2). As DER, the export takes forty times as long.
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const yIsOdd = (Buffer.from(y, 'base64url').at(-1) ?? 0) & 1;
  return Uint8Array.of(2 + yIsOdd, ...Buffer.from(x, 'base64url'));
}

/** Node 24 learns from exceptions that bytes are no key object, which takes it ten times as long as to make one. */
const hmacKey = Number.parseInt(process.versions.node, 10) >= 24 ? createSecretKey : (key: Uint8Array) => key;
// In the thread pool: a signature takes as long as a hundred short messages without one.
const newKeyPair = promisify(generateKeyPair);
const signInThread = promisify(sign);
const verifyInThread = promisify(verify);
/** Bytes of a message that are worth a copy, so that hashing them leaves the main thread too. */
const MAX_SHORT_LENGTH = 2 ** 16;

const NODE_HASH = { 'SHA-256': 'sha256', 'SHA-384': 'sha384', 'SHA-512': 'sha512' } as const;

// The SubjectPublicKeyInfo up to the compressed point: id-ecPublicKey, the curve's OID, a bit string.
const CURVES = {
  'P-256': {
    nodeName: 'prime256v1',
    spkiPrefix: Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex'),
  },
  'P-384': {
    nodeName: 'secp384r1',
    spkiPrefix: Buffer.from('3046301006072a8648ce3d020106052b81040022033200', 'hex'),
  },
} as const;
