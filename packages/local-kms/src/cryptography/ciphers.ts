import type { KeyObject } from 'node:crypto';
import { type EncryptionAlgorithm, keySpecRow } from '../keys/key-specs.ts';
import type { ExternalKey, KmsKey } from '../keys/kms-key.ts';
import type { KeyPairMaterial } from '../keys/material/key-material.ts';
import { currentVersion, type KeyVersion } from '../keys/versions.ts';
import type { Call } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import { kmsExceptionFor } from '../xks/failures.ts';
import { resultOf } from '../xks/result.ts';
import { open, seal } from './aes.ts';
import { decodeCiphertextBlob, encodeCiphertextBlob, invalidCiphertext } from './ciphertext-blob.ts';
import { additionalAuthenticatedData, type EncryptionContext } from './encryption-context.ts';
import { maxOaepPlaintextBytes, type OaepHash, oaepDecrypt, oaepEncrypt } from './oaep.ts';

/** A key, an algorithm and an encryption context, ready for use. */
export interface Cipher {
  /** Throws ValidationException for a plaintext that is too long for the key. */
  assertFits(plaintext: Uint8Array): void;
  /** Throws as `assertFits` does. */
  encrypt(plaintext: Uint8Array): Promise<Encrypted>;
  /** Throws InvalidCiphertextException, or KMSInvalidStateException if it is a proxy that refuses. */
  decrypt(ciphertext: Uint8Array): Promise<Decrypted>;
}

/** What encryption made, and the `KeyMaterialId` of what made it. */
interface Encrypted {
  readonly ciphertext: Uint8Array;
  readonly keyMaterialId: string | undefined;
}

interface Decrypted {
  readonly plaintext: Uint8Array;
  readonly keyMaterialId: string | undefined;
}

/**
 * Throws InvalidKeyUsageException if the key does not have the algorithm, ValidationException if the
 * algorithm takes no encryption context, KMSInvalidStateException if the key's store is not connected.
 */
export function cipherFor(
  call: Call,
  key: KmsKey,
  algorithm: EncryptionAlgorithm,
  context: EncryptionContext,
): Cipher {
  const current = currentVersion(key);
  const algorithms = keySpecRow(key.spec).algorithms.ENCRYPT_DECRYPT;
  if (!current?.material || !algorithms?.includes(algorithm)) {
    throw new KmsException(
      'InvalidKeyUsageException',
      `The key ${key.arn} does not have the algorithm ${algorithm}.`,
    );
  }
  const oaepHash = OAEP_HASHES[algorithm];
  if (oaepHash && current.material.type === 'pair') {
    if (context.size === 0) return rsaCipher(current.material, oaepHash);
    throw new KmsException('ValidationException', 'An encryption context goes with symmetric keys only.');
  }
  const additionalData = additionalAuthenticatedData(key.id, context);
  return key.external
    ? doubleCipher(call, key, secretOf(current), key.external, additionalData)
    : ownCipher(key, current, additionalData);
}

function ownCipher(key: KmsKey, current: KeyVersion, additionalData: Uint8Array): Cipher {
  return {
    assertFits: fitsAlways,
    async encrypt(plaintext) {
      const sealed = seal(secretOf(current), plaintext, additionalData);
      const ciphertext = encodeCiphertextBlob({ keyId: key.id, versionTag: versionTag(current), sealed });
      return { ciphertext, keyMaterialId: current.id };
    },
    async decrypt(blob) {
      const ciphertext = decodeCiphertextBlob(blob);
      if (!('sealed' in ciphertext)) throw invalidCiphertext();
      const version = key.versions.find((version) => versionTag(version).equals(ciphertext.versionTag));
      const plaintext = version?.material && open(secretOf(version), ciphertext.sealed, additionalData);
      if (!plaintext) throw invalidCiphertext();
      return { plaintext, keyMaterialId: version.id };
    },
  };
}

/** Double encryption: with the key's own material first, then with the external key. */
function doubleCipher(
  call: Call,
  key: KmsKey,
  secret: KeyObject,
  { customKeyStoreId, xksKeyId }: ExternalKey,
  additionalData: Uint8Array,
): Cipher {
  const { proxy, connection } = call.customKeyStores.withId(customKeyStoreId);
  if (connection.state !== 'CONNECTED') throw kmsExceptionFor('KeyStoreNotConnected', 'cryptography');
  const reference = { xksKeyId, kmsKeyArn: key.arn };
  return {
    assertFits: fitsAlways,
    async encrypt(plaintext) {
      const sealed = { plaintext: seal(secret, plaintext, additionalData), additionalData };
      const result = await call.xks.encrypt(proxy, reference, sealed, call.xksCaller);
      const external = resultOf(result, 'cryptography');
      return { ciphertext: encodeCiphertextBlob({ keyId: key.id, external }), keyMaterialId: undefined };
    },
    async decrypt(blob) {
      const ciphertext = decodeCiphertextBlob(blob);
      if (!('external' in ciphertext)) throw invalidCiphertext();
      const input = { ...ciphertext.external, additionalData };
      const result = await call.xks.decrypt(proxy, reference, input, call.xksCaller);
      const plaintext = open(secret, resultOf(result, 'cryptography'), additionalData);
      if (!plaintext) throw kmsExceptionFor('UndecryptableResult', 'cryptography');
      return { plaintext, keyMaterialId: undefined };
    },
  };
}

function rsaCipher(pair: KeyPairMaterial, hash: OaepHash): Cipher {
  const assertFits = ({ length }: Uint8Array): void => {
    const maxBytes = maxOaepPlaintextBytes(pair.publicKey, hash);
    if (length <= maxBytes) return;
    throw new KmsException(
      'ValidationException',
      `Plaintext: must hold at most ${maxBytes} bytes for this key`,
    );
  };
  return {
    assertFits,
    async encrypt(plaintext) {
      assertFits(plaintext);
      return { ciphertext: oaepEncrypt(pair.publicKey, hash, plaintext), keyMaterialId: undefined };
    },
    async decrypt(ciphertext) {
      const plaintext = oaepDecrypt(pair.privateKey, hash, ciphertext);
      if (!plaintext) throw invalidCiphertext();
      return { plaintext, keyMaterialId: undefined };
    },
  };
}

/** What a request may bring, a symmetric key takes. */
function fitsAlways(): void {}

function secretOf({ material }: KeyVersion): KeyObject {
  if (material?.type === 'secret') return material.key;
  throw new TypeError('a symmetric key has secret material');
}

function versionTag({ id }: KeyVersion): Buffer {
  return Buffer.from(id.slice(0, 32), 'hex');
}

const OAEP_HASHES = {
  SYMMETRIC_DEFAULT: undefined,
  RSAES_OAEP_SHA_1: 'sha1',
  RSAES_OAEP_SHA_256: 'sha256',
} as const satisfies Record<EncryptionAlgorithm, OaepHash | undefined>;
