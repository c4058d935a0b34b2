import type { Keyring } from '@holdfast/sdk/spi';
import { awsKmsKeyArnText } from './internal/aws-kms/arn.ts';
import { type AwsKmsDiscoveryKeyringOptions, discoveryKeyring } from './internal/aws-kms/discovery.ts';

export type { KmsClientOfRegion } from './internal/aws-kms/clients.ts';
export type { AwsKmsDiscoveryKeyringOptions } from './internal/aws-kms/discovery.ts';
export type { DiscoveryFilter } from './internal/aws-kms/discovery-filter.ts';

/**
 * Opens what any symmetric key of AWS KMS wrapped in the region of the client, or in one of `regions`: the message
 * names the key. Only decrypts, and uses the key that a message names only within the filter and what IAM allows.
 *
 * Rejects with `KeyringError` `DATA_KEY_ALREADY_SET`, `DATA_KEY_NOT_OPENED` or `KEY_SERVICE_UNAVAILABLE`; on
 * encrypt with `TypeError`.
 *
 * @throws TypeError for anything but a client, a filter that nothing passes, no region, or a region twice
 * @throws RangeError for more than 10 grant tokens
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-discovery-keyring.md
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-multi-keyrings.md
 * @example
 * const keyring = awsKmsDiscoveryKeyring({
 *   client: (region) => new KMSClient({ region }),
 *   regions: ['eu-north-1', 'eu-west-1'],
 *   discoveryFilter: { partition: 'aws', accountIds: ['111122223333'] },
 * });
 */
export function awsKmsDiscoveryKeyring(options: AwsKmsDiscoveryKeyringOptions): Keyring {
  return discoveryKeyring(options, (arn, region) =>
    // AWS KMS has no such key in another region, and would refuse.
    arn.region === region ? awsKmsKeyArnText(arn) : undefined,
  );
}
