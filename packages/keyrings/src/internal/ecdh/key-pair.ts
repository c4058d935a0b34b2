import { diffieHellman, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';
import { type EcdhCurve, type EcdhPublicKey, ecdhPublicKey } from './points.ts';

/** The keyring's own side of an agreement. */
export interface EcdhKeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: EcdhPublicKey;
}

/** Returns the pair of a private key; `undefined` if it is on none of the curves. */
export function ecdhKeyPair(privateKey: KeyObject): EcdhKeyPair | undefined {
  const publicKey = ecdhPublicKey(privateKey);
  return publicKey && { privateKey, publicKey };
}

/** A new key pair. */
export async function generateEcdhKeyPair(curve: EcdhCurve): Promise<EcdhKeyPair> {
  // Never the synchronous form: on Node 20, exporting a key that it made can bring the process to a standstill.
  const { privateKey } = await newKeyPair('ec', { namedCurve: curve });
  const pair = ecdhKeyPair(privateKey);
  if (pair === undefined) throw new TypeError(`curve: expected one of ours, not ${curve}`);
  return pair;
}

/** Returns the x coordinate of the point on which both keys agree, in full length; for the caller to wipe. */
export function deriveSharedSecret({ privateKey }: EcdhKeyPair, peer: EcdhPublicKey): Uint8Array {
  const { buffer, byteOffset, byteLength } = diffieHellman({ privateKey, publicKey: peer.key });
  return new Uint8Array(buffer, byteOffset, byteLength);
}

const newKeyPair = promisify(generateKeyPair);
