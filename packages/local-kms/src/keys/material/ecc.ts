import { createPublicKey, diffieHellman, generateKeyPair, type KeyObject } from 'node:crypto';
import { promisify } from 'node:util';

/** A key pair on a NIST curve, for key agreement. */
export interface EccMaterial {
  readonly type: 'ecc';
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  /**
   * The raw ECDH secret, the x coordinate, shared with the owner of a DER SubjectPublicKeyInfo; undefined if
   * that is not a public key on this curve.
   */
  sharedSecret(peerPublicKey: Uint8Array): Uint8Array | undefined;
}

/** A fresh key pair on a curve, by its OpenSSL name such as `prime256v1`. */
export async function generateEccMaterial(namedCurve: string): Promise<EccMaterial> {
  const { publicKey, privateKey } = await generateKeyPairAsync('ec', { namedCurve });
  return {
    type: 'ecc',
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
    sharedSecret(peerPublicKey) {
      const peer = parsePublicKey(peerPublicKey);
      if (peer?.asymmetricKeyDetails?.namedCurve !== publicKey.asymmetricKeyDetails?.namedCurve)
        return undefined;
      return peer && diffieHellman({ privateKey, publicKey: peer });
    },
  };
}

function parsePublicKey(der: Uint8Array): KeyObject | undefined {
  try {
    return createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

const generateKeyPairAsync = promisify(generateKeyPair);
