// ECDSA for ./node.ts. Contracts: ./provider.ts
import {
  createPublicKey,
  createSign,
  createVerify,
  generateKeyPair,
  type KeyObject,
  type KeyPairKeyObjectResult,
  sign,
  verify,
} from 'node:crypto';
import { promisify } from 'node:util';
import { COORDINATE_LENGTH, type Curve, type Hash } from '../suites.ts';
import { NODE_HASH } from './node-hash.ts';
import type { Awaitable, SigningKey, VerificationKey } from './provider.ts';

export async function generateSigningKey(curve: Curve, hash: Hash): Promise<SigningKey> {
  const { privateKey, publicKey } = await takeKeyPair(curve);
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

/**
 * A key pair that no other message gets. Generating one takes as long as signing, so a caller that writes one message
 * after the other would wait twice: from the first message on, the next pair is generated while a message is written.
 */
function takeKeyPair(curve: Curve): Promise<KeyPairKeyObjectResult> {
  const taken = nextKeyPairs.get(curve) ?? newKeyPair(curve);
  const next = newKeyPair(curve);
  nextKeyPairs.set(curve, next);
  // The message that takes this pair gets its failure.
  next.catch(() => undefined);
  return taken;
}

function newKeyPair(curve: Curve): Promise<KeyPairKeyObjectResult> {
  // Never the synchronous form: on Node 20 the process can hang when the new key is exported, because garbage
  // collection then waits for a lock that the export holds.
  return generateInThread('ec', { namedCurve: CURVES[curve].nodeName });
}

/**
 * The bytes of a message: those of a long one are hashed as they pass, those of a short one kept, to be hashed and
 * signed in one call.
 */
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
        kept.push(Uint8Array.from(bytes));
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

function compressedPoint(publicKey: KeyObject): Uint8Array {
  // Coordinates in a JWK have their full length (RFC 7518 section 6.2.1.2). As DER, the export takes forty times as long.
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const yIsOdd = (Buffer.from(y, 'base64url').at(-1) ?? 0) & 1;
  return Uint8Array.of(2 + yIsOdd, ...Buffer.from(x, 'base64url'));
}

// These run in the thread pool: a signature takes as long as a hundred short messages without one.
const generateInThread = promisify(generateKeyPair);
const signInThread = promisify(sign);
const verifyInThread = promisify(verify);
const nextKeyPairs = new Map<Curve, Promise<KeyPairKeyObjectResult>>();
/** Most bytes of a message that are copied, so that hashing them leaves the main thread too. */
const MAX_SHORT_LENGTH = 2 ** 16;

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
