import { KmsError } from '../errors.ts';
import { keyWithId } from '../keys/key-id.ts';
import type { EncryptionAlgorithm } from '../keys/key-specs.ts';
import { assertUsable } from '../keys/key-state.ts';
import type { KmsKey } from '../keys/keys.ts';
import type { Call } from '../kms.ts';
import { type Cipher, cipherFor } from './ciphers.ts';
import { decodeCiphertextBlob, invalidCiphertext } from './ciphertext-blob.ts';
import type { EncryptionContext } from './encryption-context.ts';

/** A key that may be used for what a request asks for, with the cipher that does it. */
export interface ReadyKey {
  readonly key: KmsKey;
  readonly cipher: Cipher;
}

/** Runs every check of a request to encrypt, short of encrypting. */
export function readyToEncrypt(
  call: Call,
  keyId: string,
  algorithm: EncryptionAlgorithm,
  context: EncryptionContext,
): ReadyKey {
  return ready(call, keyWithId(call, keyId), algorithm, context);
}

/**
 * Runs every check of a request to decrypt, short of decrypting. A symmetric ciphertext names its key, and a
 * KeyId then says which key it has to be (IncorrectKeyException); any other algorithm cannot do without a KeyId.
 */
export function readyToDecrypt(
  call: Call,
  ciphertext: Uint8Array,
  keyId: string | undefined,
  algorithm: EncryptionAlgorithm,
  context: EncryptionContext,
): ReadyKey {
  const requested = keyId === undefined ? undefined : ready(call, keyWithId(call, keyId), algorithm, context);
  if (algorithm !== 'SYMMETRIC_DEFAULT') {
    if (requested) return requested;
    throw new KmsError('ValidationException', `KeyId: is required for the algorithm ${algorithm}`);
  }
  const named = call.keys.find(decodeCiphertextBlob(ciphertext).keyId);
  if (requested && named?.id !== requested.key.id) {
    throw new KmsError(
      'IncorrectKeyException',
      'The ciphertext is of another key than the one in the request.',
    );
  }
  if (!named) throw invalidCiphertext();
  call.concerns(named.arn);
  return requested ?? ready(call, named, algorithm, context);
}

/** The last check of all: throws DryRunOperationException if the request only asks whether it would succeed. */
export function assertNotDryRun(dryRun: boolean): void {
  if (dryRun) throw new KmsError('DryRunOperationException', 'The request would have succeeded.');
}

function ready(
  call: Call,
  key: KmsKey,
  algorithm: EncryptionAlgorithm,
  context: EncryptionContext,
): ReadyKey {
  assertUsable(call, key, 'ENCRYPT_DECRYPT');
  return { key, cipher: cipherFor(call, key, algorithm, context) };
}
