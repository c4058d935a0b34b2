import { KmsError } from '../errors.ts';
import type { EncryptionAlgorithm } from '../keys/key-specs.ts';
import type { ExternalKey, KmsKey } from '../keys/keys.ts';
import type { AesMaterial } from '../keys/material/aes.ts';
import type { OaepHash, RsaMaterial } from '../keys/material/rsa.ts';
import type { Call } from '../kms.ts';
import { kmsErrorFor } from '../xks/failures.ts';
import { resultOf } from '../xks/result.ts';
import { decodeCiphertextBlob, encodeCiphertextBlob, invalidCiphertext } from './ciphertext-blob.ts';
import { additionalAuthenticatedData, type EncryptionContext } from './encryption-context.ts';

/** A key, an algorithm and an encryption context, ready for use. */
export interface Cipher {
  encrypt(plaintext: Uint8Array): Promise<Uint8Array>;
  /** Throws InvalidCiphertextException, or KMSInvalidStateException if it is a proxy that refuses. */
  decrypt(ciphertext: Uint8Array): Promise<Uint8Array>;
}

/**
 * Throws InvalidKeyUsageException if keys of this spec do not have the algorithm, ValidationException if the
 * algorithm takes no encryption context, KMSInvalidStateException if the key's store is not connected.
 */
export function cipherFor(
  call: Call,
  key: KmsKey,
  algorithm: EncryptionAlgorithm,
  context: EncryptionContext,
): Cipher {
  const { material, external } = key;
  const oaepHash = OAEP_HASHES[algorithm];
  if (oaepHash && material.type === 'rsa') {
    if (context.size === 0) return rsaCipher(material, oaepHash);
    throw new KmsError('ValidationException', 'An encryption context goes with symmetric keys only.');
  }
  if (oaepHash || material.type !== 'aes') {
    throw new KmsError(
      'InvalidKeyUsageException',
      `The key ${key.arn} does not have the algorithm ${algorithm}.`,
    );
  }
  const additionalData = additionalAuthenticatedData(key.id, context);
  return external
    ? doubleCipher(call, key, material, external, additionalData)
    : ownCipher(key, material, additionalData);
}

function ownCipher({ id: keyId }: KmsKey, material: AesMaterial, additionalData: Uint8Array): Cipher {
  return {
    async encrypt(plaintext) {
      return encodeCiphertextBlob({ keyId, sealed: material.seal(plaintext, additionalData) });
    },
    async decrypt(blob) {
      const ciphertext = decodeCiphertextBlob(blob);
      const plaintext = 'sealed' in ciphertext && material.open(ciphertext.sealed, additionalData);
      if (!plaintext) throw invalidCiphertext();
      return plaintext;
    },
  };
}

/** Double encryption: with the key's own material first, then with the external key. */
function doubleCipher(
  call: Call,
  { id: keyId, arn: kmsKeyArn }: KmsKey,
  material: AesMaterial,
  { customKeyStoreId, xksKeyId }: ExternalKey,
  additionalData: Uint8Array,
): Cipher {
  const { proxy, connection } = call.customKeyStores.withId(customKeyStoreId);
  if (connection.state !== 'CONNECTED') throw kmsErrorFor('KeyStoreNotConnected', 'cryptography');
  const reference = { xksKeyId, kmsKeyArn };
  return {
    async encrypt(plaintext) {
      const sealed = { plaintext: material.seal(plaintext, additionalData), additionalData };
      const result = await call.xks.encrypt(proxy, reference, sealed, call.xksCaller);
      return encodeCiphertextBlob({ keyId, external: resultOf(result, 'cryptography') });
    },
    async decrypt(blob) {
      const ciphertext = decodeCiphertextBlob(blob);
      if (!('external' in ciphertext)) throw invalidCiphertext();
      const input = { ...ciphertext.external, additionalData };
      const result = await call.xks.decrypt(proxy, reference, input, call.xksCaller);
      const plaintext = material.open(resultOf(result, 'cryptography'), additionalData);
      if (!plaintext) throw kmsErrorFor('UndecryptableResult', 'cryptography');
      return plaintext;
    },
  };
}

function rsaCipher(material: RsaMaterial, hash: OaepHash): Cipher {
  return {
    async encrypt(plaintext) {
      const maxBytes = material.maxPlaintextBytes(hash);
      if (plaintext.length <= maxBytes) return material.encrypt(plaintext, hash);
      throw new KmsError(
        'ValidationException',
        `Plaintext: must hold at most ${maxBytes} bytes for this key`,
      );
    },
    async decrypt(ciphertext) {
      const plaintext = material.decrypt(ciphertext, hash);
      if (!plaintext) throw invalidCiphertext();
      return plaintext;
    },
  };
}

const OAEP_HASHES = {
  SYMMETRIC_DEFAULT: undefined,
  RSAES_OAEP_SHA_1: 'sha1',
  RSAES_OAEP_SHA_256: 'sha256',
} as const satisfies Record<EncryptionAlgorithm, OaepHash | undefined>;
