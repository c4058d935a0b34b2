// The provider for Node and Bun. Contracts: ./provider.ts
import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPublicKey,
  createSecretKey,
  createSign,
  createVerify,
  generateKeyPair,
  getRandomValues,
  type KeyObject,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { secretBytes } from '../bytes.ts';
import { COORDINATE_LENGTH, type Curve, type Hash } from '../suites.ts';
import type { AesGcmKey, Awaitable, SigningKey, VerificationKey } from './provider.ts';

export function randomBytes(length: number): Uint8Array {
  return getRandomValues(secretBytes(length));
}

export function aesGcmKey(key: Uint8Array): Awaitable<AesGcmKey> {
  const algorithm = AES_GCM_BY_KEY_LENGTH.get(key.length);
  if (algorithm === undefined) throw new RangeError('an AES key has 16, 24 or 32 bytes');
  const keyObject = createSecretKey(key);
  return {
    seal(iv, aad, plaintext, out) {
      const cipher = createCipheriv(algorithm, keyObject, iv).setAAD(aad);
      const finish = (): void => {
        cipher.final();
        out.set(cipher.getAuthTag(), plaintext.length);
      };
      const put = (piece: Uint8Array, offset: number): void => out.set(piece, offset);
      if (plaintext.length > MAX_BLOCKING_LENGTH) return passInTurns(cipher, plaintext, put).then(finish);
      pass(cipher, plaintext, put, 0, plaintext.length);
      return finish();
    },
    open(iv, aad, sealed, out) {
      const end = sealed.length - TAG_LENGTH;
      if (end < 0) return false;
      const decipher = createDecipheriv(algorithm, keyObject, iv);
      decipher.setAAD(aad).setAuthTag(sealed.subarray(end));
      const finish = (): boolean => {
        try {
          decipher.final();
          return true;
        } catch {
          out.fill(0);
          return false;
        }
      };
      const put = (piece: Uint8Array, offset: number): void => {
        out.set(piece, offset);
        piece.fill(0);
      };
      if (end > MAX_BLOCKING_LENGTH) return passInTurns(decipher, sealed.subarray(0, end), put).then(finish);
      pass(decipher, sealed, put, 0, end);
      return finish();
    },
  };
}

export function hmac(hash: Hash, key: Uint8Array, ...parts: Uint8Array[]): Awaitable<Uint8Array> {
  const mac = createHmac(NODE_HASH[hash], key);
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

interface Passing {
  update(bytes: Uint8Array): Uint8Array;
}

/** Takes a piece of what comes out of a cipher, and where it belongs. */
type Put = (piece: Uint8Array, offset: number) => void;

/** Sends a part of the bytes through a cipher. */
function pass(cipher: Passing, bytes: Uint8Array, put: Put, start: number, end: number): void {
  for (let offset = start; offset < end; offset += PIECE_LENGTH) {
    put(cipher.update(bytes.subarray(offset, Math.min(offset + PIECE_LENGTH, end))), offset);
  }
}

/** Frames may have gigabytes: whoever else waits for the event loop has a turn after each part. */
async function passInTurns(cipher: Passing, bytes: Uint8Array, put: Put): Promise<void> {
  for (let start = 0; start < bytes.length; start += MAX_BLOCKING_LENGTH) {
    pass(cipher, bytes, put, start, Math.min(start + MAX_BLOCKING_LENGTH, bytes.length));
    await setImmediate();
  }
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

// In the thread pool: a signature takes as long as a hundred short messages without one.
const newKeyPair = promisify(generateKeyPair);
const signInThread = promisify(sign);
const verifyInThread = promisify(verify);
/** Bytes of a message that are worth a copy, so that hashing them leaves the main thread too. */
const MAX_SHORT_LENGTH = 2 ** 16;

const TAG_LENGTH = 16;
/** What node:crypto puts out is copied to its place: while it is in the processor's cache, that costs little. */
const PIECE_LENGTH = 2 ** 16;
/** About a millisecond's work. */
const MAX_BLOCKING_LENGTH = 2 ** 21;
const AES_GCM_BY_KEY_LENGTH: ReadonlyMap<number, 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm'> = new Map([
  [16, 'aes-128-gcm'],
  [24, 'aes-192-gcm'],
  [32, 'aes-256-gcm'],
]);
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
