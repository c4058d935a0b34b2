/** The parts of the ARN of an AWS KMS key or alias. */
export interface AwsKmsArn {
  readonly partition: string;
  readonly region: string;
  readonly account: string;
  readonly resource: 'alias' | 'key';
  readonly id: string;
}

/** The parts of the ARN of an AWS KMS key. */
export type AwsKmsKeyArn = AwsKmsArn & { readonly resource: 'key' };

/**
 * Reads the ARN of a key or alias; `undefined` for anything else, of whatever type.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-key-arn.md
 */
export function parseAwsKmsArn(text: unknown): AwsKmsArn | undefined {
  if (typeof text !== 'string') return undefined;
  const [arn, partition, service, region, account, path = '', ...more] = text.split(':');
  const [resource, ...idParts] = path.split('/');
  const id = idParts.join('/');
  if (arn !== 'arn' || service !== 'kms' || more.length > 0) return undefined;
  if (!partition || !region || !account || !id) return undefined;
  return resource === 'key' || resource === 'alias'
    ? { partition, region, account, resource, id }
    : undefined;
}

/** Reads the ARN of a key; `undefined` for that of an alias too. */
export function parseAwsKmsKeyArn(text: unknown): AwsKmsKeyArn | undefined {
  const arn = parseAwsKmsArn(text);
  return arn?.resource === 'key' ? { ...arn, resource: 'key' } : undefined;
}

/** The text that {@link parseAwsKmsKeyArn} reads. */
export function awsKmsKeyArnText({ partition, region, account, id }: AwsKmsKeyArn): string {
  return `arn:${partition}:kms:${region}:${account}:key/${id}`;
}

/** True for what a keyring may be configured with: an ARN, an alias name or a key id. */
export function isAwsKmsIdentifier(text: unknown): boolean {
  if (typeof text !== 'string') return false;
  if (text.startsWith('arn:')) return parseAwsKmsArn(text) !== undefined;
  if (text.startsWith('alias/')) return text.length > 'alias/'.length;
  return /^[A-Za-z0-9-]+$/.test(text);
}

/** True if `identifier` may mean `key`. Only AWS KMS knows the key of an alias, but that is in the region of the alias. */
export function isNameOf(identifier: string, key: AwsKmsKeyArn): boolean {
  const arn = parseAwsKmsArn(identifier);
  if (arn === undefined) return identifier.startsWith('alias/') || identifier === key.id;
  const { partition, region, account } = arn;
  const isThere = partition === key.partition && region === key.region && account === key.account;
  return isThere && (arn.resource === 'alias' || arn.id === key.id);
}

/** Returns the id of the multi-Region key that a key ARN or key id names; `undefined` for any other identifier. */
export function multiRegionKeyId(identifier: string): string | undefined {
  const id = identifier.startsWith('arn:') ? parseAwsKmsKeyArn(identifier)?.id : identifier;
  return id?.startsWith('mrk-') ? id : undefined;
}

/**
 * True if `configured` can open what `wrappedBy` wrapped: the same key, or two related multi-Region keys, whose ARNs
 * differ only in the region.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/aws-kms/aws-kms-mrk-match-for-decrypt.md
 */
export function isRelatedKey(configured: string, wrappedBy: string): boolean {
  if (configured === wrappedBy) return true;
  const [ours, theirs] = [parseAwsKmsKeyArn(configured), parseAwsKmsKeyArn(wrappedBy)];
  return (
    ours?.id.startsWith('mrk-') === true &&
    theirs !== undefined &&
    awsKmsKeyArnText({ ...theirs, region: ours.region }) === configured
  );
}
