import { Buffer } from 'node:buffer';
import { type AesGcmKey, aesGcmKey, contextBytes, randomBytes, secretBytes } from '@holdfast/sdk/spi';
import { contextForms } from '../context-forms.ts';
import { KeyringError } from '../errors.ts';
import { deriveInCounterMode } from '../kdf-counter-mode.ts';
import type { WrappingKey } from '../wrapping-keyring.ts';
import type { CachedBranchKeys } from './cached-branch-keys.ts';

/** What {@link branchWrappingKey} needs. */
export interface BranchWrappingKeyOptions {
  readonly branchKeyId: string;
  readonly branchKeys: CachedBranchKeys;
  /** Also open what was wrapped with the encryption context in the order of the locale. */
  readonly acceptLocaleOrderedContexts: boolean;
}

/**
 * A branch key as the key that wraps data keys: each under an AES key of its own, which is derived from the branch
 * key and a random salt. Wraps with the active version, unwraps with the one that the ciphertext names.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-hierarchical-keyring.md#structure
 */
export function branchWrappingKey({
  branchKeyId,
  branchKeys,
  acceptLocaleOrderedContexts,
}: BranchWrappingKeyOptions): WrappingKey {
  const aad = (version: Uint8Array, context: Uint8Array): Uint8Array =>
    Buffer.concat([PROVIDER_ID_BYTES, Buffer.from(branchKeyId), version, context]);

  return {
    providerId: PROVIDER_ID,
    name: branchKeyId,
    async wrap(dataKey, { encryptionContext }) {
      const { branchKey, branchKeyVersion } = await branchKeys.activeBranchKey(branchKeyId);
      const version = Buffer.from(branchKeyVersion.replaceAll('-', ''), 'hex');
      const salt = randomBytes(SALT_LENGTH);
      const iv = randomBytes(IV_LENGTH);
      const key = await deriveKey(branchKey, salt);
      const ciphertext = new Uint8Array(SEALED_OFFSET + dataKey.length + TAG_LENGTH);
      ciphertext.set(salt);
      ciphertext.set(iv, IV_OFFSET);
      ciphertext.set(version, VERSION_OFFSET);
      const context = contextBytes(encryptionContext);
      await key.seal(iv, aad(version, context), dataKey, ciphertext.subarray(SEALED_OFFSET));
      return ciphertext;
    },
    async unwrap(ciphertext, { encryptionContext, suite }) {
      // Before the key store is asked for it.
      if (ciphertext.length !== SEALED_OFFSET + suite.dataKeyLength + TAG_LENGTH) throw notOpened();
      const iv = ciphertext.subarray(IV_OFFSET, VERSION_OFFSET);
      const version = ciphertext.subarray(VERSION_OFFSET, SEALED_OFFSET);
      const { branchKey } = await branchKeys.branchKeyVersion(branchKeyId, uuidText(version));
      const key = await deriveKey(branchKey, ciphertext.subarray(0, SALT_LENGTH));
      const dataKey = secretBytes(suite.dataKeyLength);
      for (const context of contextForms(encryptionContext, { acceptLocaleOrderedContexts })) {
        if (await key.open(iv, aad(version, context), ciphertext.subarray(SEALED_OFFSET), dataKey)) {
          return dataKey;
        }
      }
      throw notOpened();
    },
  };
}

/** Wipes the branch key, which no other code has. */
async function deriveKey(branchKey: Uint8Array, salt: Uint8Array): Promise<AesGcmKey> {
  let key: Uint8Array | undefined;
  try {
    key = await deriveInCounterMode('SHA-256', branchKey, { label: PROVIDER_ID_BYTES, context: salt }, 32);
    return await aesGcmKey(key);
  } finally {
    branchKey.fill(0);
    key?.fill(0);
  }
}

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function notOpened(): KeyringError {
  return new KeyringError('DATA_KEY_NOT_OPENED', 'the branch key, context or encrypted data key is another');
}

const PROVIDER_ID = 'aws-kms-hierarchy';
const PROVIDER_ID_BYTES = new TextEncoder().encode(PROVIDER_ID);
const SALT_LENGTH = 16;
const IV_LENGTH = 12;
const TAG_LENGTH = 16;
const IV_OFFSET = SALT_LENGTH;
const VERSION_OFFSET = IV_OFFSET + IV_LENGTH;
const SEALED_OFFSET = VERSION_OFFSET + 16;
