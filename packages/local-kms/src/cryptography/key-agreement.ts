import { createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import type { KeyPairMaterial } from '../keys/material/key-material.ts';

/**
 * The raw ECDH secret, the x coordinate, shared with the owner of a DER SubjectPublicKeyInfo; undefined if that
 * is not a public key on the curve of the pair.
 */
export function sharedSecret(
  { privateKey }: KeyPairMaterial,
  peerPublicKey: Uint8Array,
): Uint8Array | undefined {
  const peer = parsePublicKey(peerPublicKey);
  if (peer?.asymmetricKeyDetails?.namedCurve !== privateKey.asymmetricKeyDetails?.namedCurve)
    return undefined;
  return peer && diffieHellman({ privateKey, publicKey: peer });
}

function parsePublicKey(der: Uint8Array): KeyObject | undefined {
  try {
    const key = createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
    // For the point at infinity, Node 20 makes a key that ends the process when asked for its curve; only this call throws.
    key.export({ format: 'der', type: 'spki' });
    return key.asymmetricKeyType === 'ec' ? key : undefined;
  } catch {
    return undefined;
  }
}
