import {
  DecryptCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  type KMSClient,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { secretBytes } from '@holdfast/sdk/spi';
import { answerBytes, answerCiphertext } from '../aws-kms/answer-bytes.ts';
import { AWS_KMS_FAILURES } from '../aws-kms/failures.ts';
import { callKeyService, invalidAnswer } from '../key-service.ts';
import type { BranchKeyKmsKeys } from './kms-configuration.ts';
import type { BranchKeyAttributes, BranchKeyRecord } from './record.ts';

/**
 * The calls of AWS KMS that branch keys need, which bind a key to all attributes of its record and to the logical
 * name of the key store. Rejects with `KeyringError` `KEY_SERVICE_…`.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/branch-key-store.md#encryption-context
 */
export interface KmsWrapping {
  /** Resolves to a new wrapped key under `keyArn`, for the record with these attributes. Only AWS KMS has seen the key. */
  generate(keyArn: string, attributes: BranchKeyAttributes): Promise<BranchKeyRecord>;
  /** Resolves to the same key, wrapped for a record with other attributes. */
  rewrap(keyArn: string, record: BranchKeyRecord, attributes: BranchKeyAttributes): Promise<BranchKeyRecord>;
  /**
   * Resolves to the key of a record, in memory of its own.
   *
   * Rejects also with `BRANCH_KEY_INVALID` for a record of a KMS key that may not be used.
   */
  unwrap(record: BranchKeyRecord): Promise<Uint8Array>;
}

/** What {@link kmsWrapping} needs. */
export interface KmsWrappingOptions {
  readonly client: KMSClient;
  readonly keys: BranchKeyKmsKeys;
  readonly logicalKeyStoreName: string;
  readonly grantTokens: readonly string[];
}

/** The calls over one client. */
export function kmsWrapping({
  client,
  keys,
  logicalKeyStoreName,
  grantTokens,
}: KmsWrappingOptions): KmsWrapping {
  const GrantTokens = [...grantTokens];
  const contextOf = (attributes: BranchKeyAttributes) => ({ ...attributes, tablename: logicalKeyStoreName });

  return {
    async generate(KeyId, attributes) {
      const command = new GenerateDataKeyWithoutPlaintextCommand({
        KeyId,
        NumberOfBytes: BRANCH_KEY_LENGTH,
        EncryptionContext: contextOf(attributes),
        GrantTokens,
      });
      const answer = await callKeyService(AWS_KMS_FAILURES, () => client.send(command));
      return { attributes, wrappedKey: wrappedKeyOf(answer, KeyId) };
    },
    async rewrap(KeyId, record, attributes) {
      const command = new ReEncryptCommand({
        SourceKeyId: KeyId,
        SourceEncryptionContext: contextOf(record.attributes),
        CiphertextBlob: record.wrappedKey,
        DestinationKeyId: KeyId,
        DestinationEncryptionContext: contextOf(attributes),
        GrantTokens,
      });
      const answer = await callKeyService(AWS_KMS_FAILURES, () => client.send(command));
      if (answer.SourceKeyId !== KeyId) throw invalidAnswer('AWS KMS', 'another key than was asked for');
      return { attributes, wrappedKey: wrappedKeyOf(answer, KeyId) };
    },
    async unwrap({ attributes, wrappedKey }) {
      const KeyId = keys.toOpen(attributes['kms-arn'] ?? '');
      const command = new DecryptCommand({
        KeyId,
        CiphertextBlob: wrappedKey,
        EncryptionContext: contextOf(attributes),
        GrantTokens,
      });
      const answer = await callKeyService(AWS_KMS_FAILURES, () => client.send(command));
      const plaintext = answerBytes(answer.Plaintext);
      try {
        if (answer.KeyId !== KeyId) throw invalidAnswer('AWS KMS', 'another key than was asked for');
        if (plaintext?.length !== BRANCH_KEY_LENGTH)
          throw invalidAnswer('AWS KMS', 'a branch key of another length');
        const key = secretBytes(BRANCH_KEY_LENGTH);
        key.set(plaintext);
        return key;
      } finally {
        plaintext?.fill(0);
      }
    },
  };
}

interface WrappingAnswer {
  readonly KeyId?: string | undefined;
  readonly CiphertextBlob?: Uint8Array | undefined;
}

function wrappedKeyOf({ KeyId, CiphertextBlob }: WrappingAnswer, expected: string): Uint8Array {
  if (KeyId !== expected) throw invalidAnswer('AWS KMS', 'another key than was asked for');
  return answerCiphertext(CiphertextBlob);
}

const BRANCH_KEY_LENGTH = 32;
