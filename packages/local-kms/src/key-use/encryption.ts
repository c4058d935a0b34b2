import { type Cipher, cipherFor } from '../cryptography/ciphers.ts';
import { decodeCiphertextBlob } from '../cryptography/ciphertext-blob.ts';
import type { EncryptionContext } from '../cryptography/encryption-context.ts';
import { keyWithId } from '../keys/key-id.ts';
import type { EncryptionAlgorithm } from '../keys/key-specs.ts';
import { assertUsable } from '../keys/key-state.ts';
import type { KmsKey } from '../keys/kms-key.ts';
import type { Call } from '../kms.ts';
import { KmsException } from '../kms-exception.ts';
import { unreachableText } from '../policy/words.ts';

/** A key that may be used for what a request asks for, with the cipher that does it. */
export interface ReadyKey {
  readonly key: KmsKey;
  readonly cipher: Cipher;
}

/** How a request wants to use a key. */
interface KeyUse {
  /** Only decryption under a symmetric key can do without. */
  readonly keyId: string | undefined;
  readonly algorithm: EncryptionAlgorithm;
  readonly context: EncryptionContext;
  /** What the gate is asked for, if not the operation. */
  readonly permission?: string;
}

/** How a request wants to use a key to encrypt. */
interface EncryptionUse extends KeyUse {
  readonly keyId: string;
  /** Left out where it is only known later. */
  readonly plaintext?: Uint8Array;
}

/** How a request wants to use a key to decrypt. */
interface DecryptionUse extends KeyUse {
  readonly permission: string;
}

/** Runs every check of a request to encrypt, short of encrypting. */
export function readyToEncrypt(call: Call, use: EncryptionUse): ReadyKey {
  const readyKey = ready(call, keyWithId(call, use.keyId, use.permission), use);
  if (use.plaintext) readyKey.cipher.assertFits(use.plaintext);
  return readyKey;
}

/**
 * Runs every check of a request to decrypt, short of decrypting. A symmetric ciphertext names its key, and a
 * KeyId then says which key it has to be (IncorrectKeyException); any other algorithm cannot do without a KeyId.
 * Without a KeyId a key that is not there is like one that the caller may not use (AccessDeniedException), and a caller of
 * another account cannot tell them apart.
 */
export function readyToDecrypt(call: Call, ciphertext: Uint8Array, use: DecryptionUse): ReadyKey {
  const { keyId, algorithm, permission } = use;
  const requested = keyId === undefined ? undefined : ready(call, keyWithId(call, keyId, permission), use);
  if (algorithm !== 'SYMMETRIC_DEFAULT') {
    if (requested) return requested;
    throw new KmsException('ValidationException', `KeyId: is required for the algorithm ${algorithm}`);
  }
  const named = call.keys.find(decodeCiphertextBlob(ciphertext).keyId);
  if (requested && named?.id !== requested.key.id) {
    throw new KmsException(
      'IncorrectKeyException',
      'The ciphertext is of another key than the one in the request.',
    );
  }
  if (!named) {
    const { caller, scope } = call;
    // The same gate, with the same exceptions, as for a key that is closed to another account.
    if (caller.accountId !== scope.accountId) call.access('key/', { permission, named: KEY_OF_CIPHERTEXT });
    const text = unreachableText(call.caller, `kms:${permission}`, KEY_OF_CIPHERTEXT);
    throw new KmsException('AccessDeniedException', text);
  }
  if (requested) return requested;
  call.access(named.arn, { permission, named: KEY_OF_CIPHERTEXT });
  return ready(call, named, use);
}

function ready(call: Call, key: KmsKey, { algorithm, context }: KeyUse): ReadyKey {
  assertUsable(call, key, 'ENCRYPT_DECRYPT');
  return { key, cipher: cipherFor(call, key, algorithm, context) };
}

const KEY_OF_CIPHERTEXT = 'the resource associated with this ciphertext';
