import { DecryptCommand, EncryptCommand, GenerateDataKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import type { DecryptionMaterials, EncryptedDataKey, EncryptionMaterials, Keyring } from '@holdfast/sdk/spi';
import { isAwsKmsIdentifier, parseAwsKmsArn } from './internal/aws-kms/arn.ts';
import { AWS_KMS_FAILURES } from './internal/aws-kms/failures.ts';
import { called, invalidAnswer } from './internal/key-service.ts';
import { openFirst, wipedOnFailure, withEncryptedDataKey } from './internal/wrapping.ts';
import { multiKeyring } from './multi.ts';

/** Options of {@link awsKmsKeyring}: at least one key in all. */
export interface AwsKmsKeyringOptions {
  /** A client for the region of every key named here. The keyring adds nothing to its configuration. */
  readonly client: KMSClient;
  /** The key that generates the data key: key ARN, key id, alias name or alias ARN. Decrypt needs the key ARN. */
  readonly generatorKeyId?: string;
  /** Further keys, each of which wraps the same data key. */
  readonly keyIds?: readonly string[];
  /** At most 10. */
  readonly grantTokens?: readonly string[];
}

/**
 * Wraps data keys with symmetric keys of AWS KMS, and opens only what was wrapped with one of the keys named
 * here: a message never chooses the key. Keys in an external key store are like any other.
 *
 * Rejects with `KeyringError` `KEY_SERVICE_REFUSED`, `KEY_SERVICE_UNAVAILABLE`, `KEY_SERVICE_ANSWER_INVALID`, `DATA_KEY_ALREADY_SET`,
 * `DATA_KEY_MISSING` or `DATA_KEY_NOT_OPENED`.
 *
 * @throws TypeError for a malformed, repeated or missing key id
 * @throws RangeError for more than 10 grant tokens
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-keyring.md
 * @example
 * const keyring = awsKmsKeyring({ client: new KMSClient({ region: 'eu-north-1' }), generatorKeyId: keyArn });
 */
export function awsKmsKeyring(options: AwsKmsKeyringOptions): Keyring {
  const { client, generatorKeyId, keyIds = [] } = options;
  const all = generatorKeyId === undefined ? keyIds : [generatorKeyId, ...keyIds];
  const malformed = all.find((keyId) => !isAwsKmsIdentifier(keyId));
  if (malformed !== undefined) {
    throw new TypeError(`keyIds: expected AWS KMS key identifiers, not ${JSON.stringify(malformed)}`);
  }
  if (new Set(all).size !== all.length) throw new TypeError('keyIds: expected every key once');
  if ((options.grantTokens ?? []).length > 10) throw new RangeError('grantTokens: expected 10 at most');
  const grantTokens = [...(options.grantTokens ?? [])];
  const single = (keyId: string): Keyring => singleKeyKeyring({ client, keyId, grantTokens });
  return multiKeyring({
    ...(generatorKeyId === undefined ? {} : { generator: single(generatorKeyId) }),
    children: keyIds.map(single),
  });
}

interface SingleKey {
  readonly client: KMSClient;
  readonly keyId: string;
  readonly grantTokens: string[];
}

function singleKeyKeyring(key: SingleKey): Keyring {
  const keyInfo = new TextEncoder().encode(key.keyId);
  // The ARN in the message must be the very same: compared as bytes, for decoding would forgive some.
  const isOurs = ({ providerId, providerInfo }: EncryptedDataKey): boolean =>
    providerId === AWS_KMS_PROVIDER_ID &&
    providerInfo.length === keyInfo.length &&
    keyInfo.every((byte, i) => providerInfo[i] === byte);
  return {
    onEncrypt: async (materials) =>
      materials.dataKey === undefined ? generate(key, materials) : wrap(key, materials, materials.dataKey),
    onDecrypt: async (materials, encryptedDataKeys) =>
      openFirst(materials, encryptedDataKeys.filter(isOurs), (candidate) =>
        unwrap(key, materials, candidate),
      ),
  };
}

async function generate(key: SingleKey, materials: EncryptionMaterials): Promise<EncryptionMaterials> {
  const answer = await called(AWS_KMS_FAILURES, () =>
    key.client.send(
      new GenerateDataKeyCommand({
        ...requestOf(key, materials),
        NumberOfBytes: materials.suite.dataKeyLength,
      }),
    ),
  );
  const dataKey = answer.Plaintext;
  return wipedOnFailure(dataKey, () => {
    if (dataKey?.length !== materials.suite.dataKeyLength)
      throw invalidAnswer('AWS KMS', 'a data key of another length');
    return withEncryptedDataKey({ ...materials, dataKey }, encryptedDataKey(key.keyId, answer));
  });
}

async function wrap(
  key: SingleKey,
  materials: EncryptionMaterials,
  dataKey: Uint8Array,
): Promise<EncryptionMaterials> {
  const answer = await called(AWS_KMS_FAILURES, () =>
    key.client.send(
      new EncryptCommand({
        ...requestOf(key, materials),
        Plaintext: dataKey,
      }),
    ),
  );
  return withEncryptedDataKey(materials, encryptedDataKey(key.keyId, answer));
}

async function unwrap(
  key: SingleKey,
  materials: DecryptionMaterials,
  candidate: EncryptedDataKey,
): Promise<Uint8Array> {
  const answer = await called(AWS_KMS_FAILURES, () =>
    key.client.send(
      new DecryptCommand({
        ...requestOf(key, materials),
        CiphertextBlob: candidate.ciphertext,
      }),
    ),
  );
  const dataKey = answer.Plaintext;
  return wipedOnFailure(dataKey, () => {
    if (answer.KeyId !== key.keyId) throw invalidAnswer('AWS KMS', 'another key than was asked for');
    if (dataKey === undefined) throw invalidAnswer('AWS KMS', 'no plaintext');
    return dataKey;
  });
}

/** What every request says. */
function requestOf(
  { keyId, grantTokens }: SingleKey,
  { encryptionContext }: EncryptionMaterials | DecryptionMaterials,
) {
  return { KeyId: keyId, EncryptionContext: { ...encryptionContext }, GrantTokens: grantTokens };
}

function encryptedDataKey(
  keyId: string,
  answer: { readonly KeyId?: string | undefined; readonly CiphertextBlob?: Uint8Array | undefined },
): EncryptedDataKey {
  const { KeyId: keyArn = '', CiphertextBlob: ciphertext } = answer;
  if (parseAwsKmsArn(keyArn)?.resource !== 'key')
    throw invalidAnswer('AWS KMS', 'something else than a key ARN');
  // Of an alias or a bare id, only AWS KMS knows the ARN.
  if (parseAwsKmsArn(keyId)?.resource === 'key' && keyArn !== keyId) {
    throw invalidAnswer('AWS KMS', 'another key than was asked for');
  }
  if (ciphertext === undefined) throw invalidAnswer('AWS KMS', 'no ciphertext');
  return { providerId: AWS_KMS_PROVIDER_ID, providerInfo: new TextEncoder().encode(keyArn), ciphertext };
}

const AWS_KMS_PROVIDER_ID = 'aws-kms';
