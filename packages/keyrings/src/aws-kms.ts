import type { Keyring } from '@holdfast/sdk/spi';
import { type AwsKmsKeyringOptions, namedKeysKeyring } from './internal/aws-kms/named-keys.ts';

export type { KmsClientOfRegion } from './internal/aws-kms/clients.ts';
export type { AwsKmsKeyringOptions } from './internal/aws-kms/named-keys.ts';

/**
 * Wraps data keys with symmetric keys of AWS KMS, and opens only what was wrapped with one of the keys named
 * here: a message never chooses the key. Keys in an external key store are like any other.
 *
 * Rejects with `KeyringError` `KEY_SERVICE_REFUSED`, `KEY_SERVICE_UNAVAILABLE`, `KEY_SERVICE_ANSWER_INVALID`,
 * `DATA_KEY_ALREADY_SET`, `DATA_KEY_MISSING` or `DATA_KEY_NOT_OPENED`.
 *
 * @throws TypeError for a malformed, repeated or missing key id, or anything but a client
 * @throws RangeError for more than 10 grant tokens
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-keyring.md
 * @example
 * const keyring = awsKmsKeyring({ client: new KMSClient({ region: 'eu-north-1' }), generatorKeyId: keyArn });
 */
export function awsKmsKeyring(options: AwsKmsKeyringOptions): Keyring {
  return namedKeysKeyring(options, (configured, wrappedBy) => configured === wrappedBy);
}
