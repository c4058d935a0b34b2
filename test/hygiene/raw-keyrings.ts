import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { rawEcdhKeyring } from '@holdfast/keyrings/raw-ecdh';
import { type RsaPadding, rawRsaKeyring } from '@holdfast/keyrings/raw-rsa';
import type { Keyring } from '@holdfast/sdk';

/** A keyring with a private key in the process. */
export interface RawKeyring {
  /** A new private key, PKCS #8. */
  newKey(): Uint8Array;
  /** What writes and reads with that key. */
  keyring(privateKey: Uint8Array): Keyring;
}

/** By name. */
export const rawKeyrings: Readonly<Record<string, RawKeyring>> = {
  'RSA with OAEP': rawRsa('OAEP-SHA-256'),
  'RSA with PKCS #1 v1.5': rawRsa('PKCS1-v1_5'),
  ECDH: {
    newKey: () =>
      generateKeyPairSync('ec', {
        namedCurve: 'P-256',
        privateKeyEncoding: { format: 'der', type: 'pkcs8' },
        publicKeyEncoding: { format: 'der', type: 'spki' },
      }).privateKey,
    keyring(privateKey) {
      const writer = rawEcdhKeyring({ schema: 'ephemeral', peerPublicKey: publicKeyOf(privateKey) });
      const reader = rawEcdhKeyring({ schema: 'discovery', privateKey });
      return {
        onEncrypt: (materials) => writer.onEncrypt(materials),
        onDecrypt: (materials, encryptedDataKeys) => reader.onDecrypt(materials, encryptedDataKeys),
      };
    },
  },
};

function rawRsa(padding: RsaPadding): RawKeyring {
  const names = { namespace: 'hygiene', name: 'key', padding, unsafeLegacyEncryption: true };
  return {
    newKey: () =>
      generateKeyPairSync('rsa', {
        modulusLength: 2048,
        privateKeyEncoding: { format: 'der', type: 'pkcs8' },
        publicKeyEncoding: { format: 'der', type: 'spki' },
      }).privateKey,
    keyring: (privateKey) => rawRsaKeyring({ ...names, privateKey, publicKey: publicKeyOf(privateKey) }),
  };
}

function publicKeyOf(privateKey: Uint8Array) {
  const key = createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' });
  return createPublicKey(key);
}
