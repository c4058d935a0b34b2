import {
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  generateKeyPair,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { promisify } from 'node:util';
import type { KeyPairMaterial, PairMaterial } from './key-material.ts';

/** A fresh RSA key pair with the public exponent 65537. */
export async function generateRsaPair(modulusLength: number): Promise<KeyPairMaterial> {
  return { type: 'pair', ...(await generateKeyPairAsync('rsa', { modulusLength })) };
}

/** A fresh key pair on a Weierstrass curve, by its OpenSSL name such as `prime256v1`. */
export async function generateEcPair(namedCurve: string): Promise<KeyPairMaterial> {
  return { type: 'pair', ...(await generateKeyPairAsync('ec', { namedCurve })) };
}

/** A fresh Ed25519 key pair. */
export async function generateEd25519Pair(): Promise<KeyPairMaterial> {
  return { type: 'pair', ...(await generateKeyPairAsync('ed25519')) };
}

/** The key pair of a PKCS #8 private key in DER; undefined if it is none, or not one of the kind. */
export function importKeyPair(
  pkcs8: Uint8Array,
  isOfKind: (privateKey: KeyObject) => boolean,
): KeyPairMaterial | undefined {
  const privateKey = parsePrivateKey(pkcs8);
  if (!privateKey || !isOfKind(privateKey)) return undefined;
  return { type: 'pair', publicKey: createPublicKey(privateKey), privateKey };
}

/** Whether the halves of a pair belong together, which PKCS #8 with a public key in it may get wrong. */
export function areHalves({ publicKey, privateKey }: KeyPairMaterial): boolean {
  const hash = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  try {
    // The private key 0 signs what its public key, the point at infinity, verifies; but it agrees on nothing.
    if (privateKey.asymmetricKeyType === 'ec') diffieHellman({ privateKey, publicKey }).fill(0);
    return verify(hash, PROBE, publicKey, sign(hash, PROBE, privateKey));
  } catch {
    return false;
  }
}

/** Narrows a pair. Throws TypeError for one that node:crypto does not compute with. */
export function nodePair(pair: PairMaterial): KeyPairMaterial {
  if (pair.type === 'pair') return pair;
  throw new TypeError('pair: expected one of RSA or on an elliptic curve');
}

function parsePrivateKey(der: Uint8Array): KeyObject | undefined {
  try {
    const key = createPrivateKey({
      key: Buffer.from(der.buffer, der.byteOffset, der.length),
      format: 'der',
      type: 'pkcs8',
    });
    // With the point at infinity for a public key, Node 20 ends the process when the key is asked for its curve; only this throws.
    key.export({ format: 'der', type: 'pkcs8' }).fill(0);
    return key;
  } catch {
    return undefined;
  }
}

const PROBE = Buffer.from('a pair', 'utf8');
const generateKeyPairAsync = promisify(generateKeyPair);
