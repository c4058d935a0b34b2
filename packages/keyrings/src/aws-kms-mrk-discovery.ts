import type { Keyring } from '@holdfast/sdk/spi';
import { awsKmsKeyArnText } from './internal/aws-kms/arn.ts';
import { type AwsKmsDiscoveryKeyringOptions, discoveryKeyring } from './internal/aws-kms/discovery.ts';

export type { KmsClientOfRegion } from './internal/aws-kms/clients.ts';
export type { AwsKmsDiscoveryKeyringOptions } from './internal/aws-kms/discovery.ts';
export type { DiscoveryFilter } from './internal/aws-kms/discovery-filter.ts';

/**
 * Like `awsKmsDiscoveryKeyring`; in addition, it asks in the region of its client for what a multi-Region key wrapped in
 * another region. If there is no replica of that key in the region, AWS KMS refuses.
 *
 * Rejects with `KeyringError` `DATA_KEY_ALREADY_SET`, `DATA_KEY_NOT_OPENED` or `KEY_SERVICE_UNAVAILABLE`; on
 * encrypt with `TypeError`.
 *
 * @throws TypeError for anything but a client, a filter that nothing passes, no region, or a region twice
 * @throws RangeError for more than 10 grant tokens
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-mrk-discovery-keyring.md
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-mrk-multi-keyrings.md
 * @example
 * const keyring = awsKmsMrkDiscoveryKeyring({
 *   client: new KMSClient({ region: 'eu-north-1' }),
 *   discoveryFilter: { partition: 'aws', accountIds: ['111122223333'] },
 * });
 */
export function awsKmsMrkDiscoveryKeyring(options: AwsKmsDiscoveryKeyringOptions): Keyring {
  return discoveryKeyring(options, (arn, region) =>
    arn.region === region || arn.id.startsWith('mrk-') ? awsKmsKeyArnText({ ...arn, region }) : undefined,
  );
}
