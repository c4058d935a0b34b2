import {
  DecryptCommand,
  EncryptCommand,
  type EncryptCommandOutput,
  GenerateDataKeyCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import type { DecryptionMaterials, EncryptedDataKey, EncryptionMaterials } from '@holdfast/sdk/spi';
import { callKeyService, invalidAnswer } from '../key-service.ts';
import { wipeOnFailure, withEncryptedDataKey } from '../wrapping.ts';
import { answerBytes, answerCiphertext } from './answer-bytes.ts';
import { isNameOf, parseAwsKmsKeyArn } from './arn.ts';
import { AWS_KMS_FAILURES } from './failures.ts';

/** One symmetric key of AWS KMS, and what a request for it needs. */
export interface SymmetricKey {
  /** A client for the region of the key. */
  readonly client: KMSClient;
  readonly keyId: string;
  readonly grantTokens: string[];
}

/** The provider id of data keys that symmetric keys of AWS KMS wrapped. Their provider info is the key ARN. */
export const AWS_KMS_PROVIDER_ID = 'aws-kms';

/**
 * Resolves to the materials with a data key from GenerateDataKey.
 *
 * @throws KeyringError `KEY_SERVICE_…`
 */
export async function generateDataKey(
  key: SymmetricKey,
  materials: EncryptionMaterials,
): Promise<EncryptionMaterials> {
  const request = new GenerateDataKeyCommand({
    ...requestOf(key, materials),
    NumberOfBytes: materials.suite.dataKeyLength,
  });
  const answer = await callKeyService(AWS_KMS_FAILURES, () => key.client.send(request));
  const dataKey = answerBytes(answer.Plaintext);
  return wipeOnFailure(dataKey, () => {
    if (dataKey?.length !== materials.suite.dataKeyLength)
      throw invalidAnswer('AWS KMS', 'a data key of another length');
    return withEncryptedDataKey({ ...materials, dataKey }, encryptedDataKey(key.keyId, answer));
  });
}

/**
 * Resolves to the materials with their data key wrapped by Encrypt.
 *
 * @throws KeyringError `KEY_SERVICE_…`
 */
export async function wrapDataKey(
  key: SymmetricKey,
  materials: EncryptionMaterials,
  dataKey: Uint8Array,
): Promise<EncryptionMaterials> {
  const request = new EncryptCommand({ ...requestOf(key, materials), Plaintext: dataKey });
  const answer = await callKeyService(AWS_KMS_FAILURES, () => key.client.send(request));
  return withEncryptedDataKey(materials, encryptedDataKey(key.keyId, answer));
}

/**
 * Resolves to the data key in `ciphertext`, by Decrypt. The key id must be a key ARN, because the answer has to name the same.
 *
 * @throws KeyringError `KEY_SERVICE_…`
 */
export async function openDataKey(
  key: SymmetricKey,
  materials: DecryptionMaterials,
  ciphertext: Uint8Array,
): Promise<Uint8Array> {
  const request = new DecryptCommand({ ...requestOf(key, materials), CiphertextBlob: ciphertext });
  const answer = await callKeyService(AWS_KMS_FAILURES, () => key.client.send(request));
  const dataKey = answerBytes(answer.Plaintext);
  return wipeOnFailure(dataKey, () => {
    if (answer.KeyId !== key.keyId) throw invalidAnswer('AWS KMS', 'another key than was asked for');
    if (dataKey === undefined) throw invalidAnswer('AWS KMS', 'no plaintext');
    return dataKey;
  });
}

/**
 * Returns the members that every request has.
 *
 * @throws TypeError for a context with the key `__proto__`, which many versions of the client drop silently
 */
function requestOf(
  { keyId, grantTokens }: SymmetricKey,
  { encryptionContext }: EncryptionMaterials | DecryptionMaterials,
) {
  if (Object.hasOwn(encryptionContext, '__proto__')) {
    throw new TypeError('encryptionContext: expected no key __proto__, for AWS KMS');
  }
  return { KeyId: keyId, EncryptionContext: { ...encryptionContext }, GrantTokens: grantTokens };
}

function encryptedDataKey(
  keyId: string,
  { KeyId: keyArn = '', CiphertextBlob }: Pick<EncryptCommandOutput, 'KeyId' | 'CiphertextBlob'>,
): EncryptedDataKey {
  const key = parseAwsKmsKeyArn(keyArn);
  if (key === undefined) throw invalidAnswer('AWS KMS', 'something else than a key ARN');
  if (!isNameOf(keyId, key)) throw invalidAnswer('AWS KMS', 'another key than was asked for');
  const ciphertext = answerCiphertext(CiphertextBlob);
  return { providerId: AWS_KMS_PROVIDER_ID, providerInfo: new TextEncoder().encode(keyArn), ciphertext };
}
