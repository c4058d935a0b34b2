import { constants, type KeyObject, publicEncrypt } from 'node:crypto';
import { KeyringError } from '../errors.ts';
import { oaepDecryption } from './oaep.ts';
import { pkcs1Decryption } from './pkcs1.ts';
import { rsaDetails } from './rsa-key.ts';

/** How a data key is padded before RSA. The hash of OAEP is also the hash of its mask generation. */
export type RsaPadding = keyof typeof PADDINGS;

/** All paddings. */
export function isRsaPadding(value: unknown): value is RsaPadding {
  return typeof value === 'string' && Object.hasOwn(PADDINGS, value);
}

/** Returns encryption under a public key, to ciphertexts as long as its modulus. */
export function rsaEncryption(
  padding: RsaPadding,
  publicKey: KeyObject,
): (plaintext: Uint8Array) => Uint8Array {
  return (plaintext) => plainBytes(publicEncrypt({ key: publicKey, ...PADDINGS[padding] }, plaintext));
}

/**
 * Returns decryption under a private key. The caller wipes the plaintext.
 *
 * The function rejects with `KeyringError` `DATA_KEY_NOT_OPENED` for a ciphertext of another length than the modulus
 * has, for one that is not a number below it, and with OAEP for a wrong padding. With PKCS #1 v1.5, a wrong padding gives
 * random bytes, as {@link pkcs1Decryption} says.
 */
export function rsaDecryption(
  padding: RsaPadding,
  privateKey: KeyObject,
): (ciphertext: Uint8Array) => Promise<Uint8Array> {
  const { hash } = PADDINGS[padding];
  const decrypt = hash === undefined ? pkcs1Decryption(privateKey) : oaepDecryption(privateKey, hash);
  const length = Math.ceil(rsaDetails(privateKey).modulusLength / 8);
  return async (ciphertext) => {
    // Runtimes accept shorter ones, and some of them longer ones: then several ciphertexts would give the same message.
    if (ciphertext.length !== length) throw notOpened();
    try {
      return await decrypt(ciphertext);
    } catch (cause) {
      throw notOpened(cause);
    }
  };
}

function notOpened(cause?: unknown): KeyringError {
  return new KeyringError(
    'DATA_KEY_NOT_OPENED',
    'the private key, padding or encrypted data key is another',
    {
      cause,
    },
  );
}

/** Callers never see a Buffer. */
function plainBytes({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

const OAEP = constants.RSA_PKCS1_OAEP_PADDING;
const PADDINGS = {
  'OAEP-SHA-1': { padding: OAEP, oaepHash: 'sha1', hash: 'SHA-1' },
  'OAEP-SHA-256': { padding: OAEP, oaepHash: 'sha256', hash: 'SHA-256' },
  'OAEP-SHA-384': { padding: OAEP, oaepHash: 'sha384', hash: 'SHA-384' },
  'OAEP-SHA-512': { padding: OAEP, oaepHash: 'sha512', hash: 'SHA-512' },
  'PKCS1-v1_5': { padding: constants.RSA_PKCS1_PADDING, hash: undefined },
} as const;
