/** What every ARN of the keys and aliases of a KMS has in common. */
export interface ArnScope {
  readonly partition: string;
  readonly region: string;
  readonly accountId: string;
}

/** A KMS ARN taken apart; `resource` is `key/…` or `alias/…`. */
export interface KmsArn extends ArnScope {
  readonly resource: string;
}

/** The scope of an account in a Region. Throws RangeError for a malformed Region or account id. */
export function arnScope(region: string, accountId: string): ArnScope {
  if (!isRegion(region)) throw new RangeError(`region: expected an AWS Region, not ${region}`);
  if (!ACCOUNT_ID.test(accountId)) throw new RangeError(`accountId: expected 12 digits, not ${accountId}`);
  return { partition: partitionOf(region), region, accountId };
}

/** Whether a name has the form of an AWS Region. */
export function isRegion(name: string): boolean {
  return name.length <= 32 && REGION.test(name);
}

/** The partition of AWS that a Region belongs to. */
export function partitionOf(region: string): string {
  return PARTITIONS.find(({ prefix }) => region.startsWith(prefix))?.partition ?? 'aws';
}

/** The ARN of a key, from its id, or of an alias, from its full name. */
export function kmsArn({ partition, region, accountId }: ArnScope, resource: string): string {
  return `arn:${partition}:kms:${region}:${accountId}:${resource}`;
}

/** The ARN of the account itself, which is that of its root user. */
export function accountArn({ partition, accountId }: ArnScope): string {
  return `arn:${partition}:iam::${accountId}:root`;
}

/** Takes a KMS key or alias ARN apart; undefined if the text is not one. */
export function parseKmsArn(text: string): KmsArn | undefined {
  const [, partition, region, accountId, resource] = KMS_ARN.exec(text) ?? [];
  if (!partition || !region || !accountId || !resource) return undefined;
  return { partition, region, accountId, resource };
}

const REGION = /^([a-z]+-){2,3}\d+$/;
const ACCOUNT_ID = /^\d{12}$/;
const KMS_ARN = /^arn:(aws[a-z-]*):kms:([a-z0-9-]+):(\d{12}):((?:key|alias)\/.+)$/;
const PARTITIONS = [
  { prefix: 'cn-', partition: 'aws-cn' },
  { prefix: 'us-gov-', partition: 'aws-us-gov' },
  { prefix: 'eusc-', partition: 'aws-eusc' },
  { prefix: 'us-iso-', partition: 'aws-iso' },
  { prefix: 'us-isob-', partition: 'aws-iso-b' },
  { prefix: 'eu-isoe-', partition: 'aws-iso-e' },
  { prefix: 'us-isof-', partition: 'aws-iso-f' },
] as const;
