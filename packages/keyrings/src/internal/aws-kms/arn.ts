/** The parts of the ARN of an AWS KMS key or alias. */
export interface AwsKmsKeyArn {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  readonly resource: 'alias' | 'key';
  readonly id: string;
}

/**
 * Reads the ARN of a key or alias; `undefined` if the text is none.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-key-arn.md
 */
export function parseAwsKmsArn(text: string): AwsKmsKeyArn | undefined {
  const [arn, partition, service, region, account, ...rest] = text.split(':');
  const [resource, ...idParts] = rest.join(':').split('/');
  const id = idParts.join('/');
  if (arn !== 'arn' || service !== 'kms' || !partition || !region || !account || id === '') return undefined;
  return resource === 'key' || resource === 'alias'
    ? { partition, region, account, resource, id }
    : undefined;
}

/** True for what a keyring may be configured with: an ARN, an alias name or a key id. */
export function isAwsKmsIdentifier(text: string): boolean {
  if (text.startsWith('arn:')) return parseAwsKmsArn(text) !== undefined;
  if (text.startsWith('alias/')) return text.length > 'alias/'.length;
  return /^[A-Za-z0-9-]+$/.test(text);
}
