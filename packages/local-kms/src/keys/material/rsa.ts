import { constants, generateKeyPair, privateDecrypt, publicEncrypt } from 'node:crypto';
import { promisify } from 'node:util';

/** An RSA key pair for encryption with OAEP, its hash also used for MGF1. */
export interface RsaMaterial {
  readonly type: 'rsa';
  /** DER SubjectPublicKeyInfo. */
  readonly publicKey: Uint8Array;
  /** The most bytes that one encryption takes. */
  maxPlaintextBytes(hash: OaepHash): number;
  encrypt(plaintext: Uint8Array, hash: OaepHash): Uint8Array;
  /** Undefined if the ciphertext does not open; why it does not stays unsaid. */
  decrypt(ciphertext: Uint8Array, hash: OaepHash): Uint8Array | undefined;
}

/** The hash functions that the algorithms of the API use in OAEP, as Node.js names them. */
export type OaepHash = keyof typeof HASH_BYTES;

/** A fresh RSA key pair. */
export async function generateRsaMaterial(modulusBits: number): Promise<RsaMaterial> {
  const { publicKey, privateKey } = await generateKeyPairAsync('rsa', { modulusLength: modulusBits });
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return {
    type: 'rsa',
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
    maxPlaintextBytes: (hash) => modulusBits / 8 - 2 * HASH_BYTES[hash] - 2,
    encrypt: (plaintext, oaepHash) => publicEncrypt({ key: publicKey, padding, oaepHash }, plaintext),
    decrypt(ciphertext, oaepHash) {
      if (ciphertext.length !== modulusBits / 8) return undefined;
      try {
        return privateDecrypt({ key: privateKey, padding, oaepHash }, ciphertext);
      } catch {
        return undefined;
      }
    },
  };
}

const HASH_BYTES = { sha1: 20, sha256: 32 } as const;
const generateKeyPairAsync = promisify(generateKeyPair);
