import type { Keyring } from '@holdfast/sdk/spi';
import { isRelatedKey, multiRegionKeyId } from './internal/aws-kms/arn.ts';
import { type AwsKmsKeyringOptions, checkKeyIds, namedKeysKeyring } from './internal/aws-kms/named-keys.ts';

export type { KmsClientOfRegion } from './internal/aws-kms/clients.ts';
export type { AwsKmsKeyringOptions } from './internal/aws-kms/named-keys.ts';

/**
 * Like `awsKmsKeyring`; in addition, it opens what a related multi-Region key wrapped in another region: it asks for the
 * key that is named here, in that key's region. Keys of a single region are as with `awsKmsKeyring`.
 *
 * Rejects with `KeyringError` `KEY_SERVICE_REFUSED`, `KEY_SERVICE_UNAVAILABLE`, `KEY_SERVICE_ANSWER_INVALID`,
 * `DATA_KEY_ALREADY_SET`, `DATA_KEY_MISSING` or `DATA_KEY_NOT_OPENED`.
 *
 * @throws TypeError for a malformed, repeated or missing key id, for two related multi-Region keys, of which either
 *   would do, or anything but a client
 * @throws RangeError for more than 10 grant tokens
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-mrk-keyring.md
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-mrk-multi-keyrings.md
 * @example
 * const keyring = awsKmsMrkKeyring({ client: new KMSClient({ region: 'eu-north-1' }), generatorKeyId: replicaArn });
 */
export function awsKmsMrkKeyring(options: AwsKmsKeyringOptions): Keyring {
  assertUnrelated(checkKeyIds(options));
  return namedKeysKeyring(options, isRelatedKey);
}

/** @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-mrk-are-unique.md */
function assertUnrelated(keyIds: readonly string[]): void {
  const related = keyIds.filter((keyId, index) => {
    const id = multiRegionKeyId(keyId);
    return id !== undefined && keyIds.some((other, at) => at !== index && multiRegionKeyId(other) === id);
  });
  if (related.length > 0) {
    throw new TypeError(`keyIds: expected one region of a multi-Region key, not ${related.join(', ')}`);
  }
}
