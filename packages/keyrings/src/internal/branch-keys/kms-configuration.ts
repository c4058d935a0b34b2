import { type AwsKmsKeyArn, awsKmsKeyArnText, isRelatedKey, parseAwsKmsKeyArn } from '../aws-kms/arn.ts';
import { type DiscoveryFilter, passing } from '../aws-kms/discovery-filter.ts';
import { KeyringError } from '../errors.ts';

/**
 * Which keys of AWS KMS a branch key store may use. With discovery, an attacker who can write to the storage and has a key
 * that the client may use can put a branch key of their own there: set a filter, and have IAM name the keys, never `*`.
 *
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/branch-key-store.md#aws-kms-configuration
 */
export type BranchKeyKmsConfiguration =
  | {
      /** One key; branch keys of another are refused. */
      readonly kind: 'key';
      /** The ARN of the key, not of an alias. */
      readonly keyArn: string;
    }
  | {
      /** One key, also for branch keys of a related multi-Region key of another region. */
      readonly kind: 'multi-region-key';
      /** The ARN of the key, not of an alias. */
      readonly keyArn: string;
    }
  | {
      /** Any key that a record names, in the region of that key. Only to read. */
      readonly kind: 'discovery';
      /** Without one, a record may name a key of any account. */
      readonly discoveryFilter?: DiscoveryFilter;
    }
  | {
      /** Any key that a record names; a multi-Region key is asked for in `region`. Only to read. */
      readonly kind: 'multi-region-discovery';
      /** The region of the client, such as `eu-north-1`. */
      readonly region: string;
      /** Without one, a record may name a key of any account. */
      readonly discoveryFilter?: DiscoveryFilter;
    };

/** The keys that a configuration allows. */
export interface BranchKeyKmsKeys {
  /** The ARN of the key for new branch keys; `undefined` if none may be made. */
  readonly own: string | undefined;
  /**
   * Returns the ARN of the key that opens what the key of `kmsArn` wrapped.
   *
   * @throws KeyringError `BRANCH_KEY_INVALID` for a key that may not be used, or no key ARN
   */
  toOpen(kmsArn: string): string;
}

/** @throws TypeError for a key that is not named by its ARN, a filter that nothing passes, no region, or another kind */
export function kmsKeys(configuration: BranchKeyKmsConfiguration): BranchKeyKmsKeys {
  switch (configuration?.kind) {
    case 'key': {
      const own = checkKeyArn(configuration.keyArn);
      return { own, toOpen: (kmsArn) => (kmsArn === own ? own : refuse()) };
    }
    case 'multi-region-key': {
      const own = checkKeyArn(configuration.keyArn);
      return { own, toOpen: (kmsArn) => (isRelatedKey(own, kmsArn) ? own : refuse()) };
    }
    case 'discovery':
      return { own: undefined, toOpen: discovering(configuration.discoveryFilter, (arn) => arn) };
    case 'multi-region-discovery': {
      const { region, discoveryFilter } = configuration;
      if (typeof region !== 'string' || region === '') throw new TypeError('region: expected an AWS Region');
      const inRegion = (arn: AwsKmsKeyArn) => (arn.id.startsWith('mrk-') ? { ...arn, region } : arn);
      return { own: undefined, toOpen: discovering(discoveryFilter, inRegion) };
    }
    default:
      throw new TypeError(
        'kmsConfiguration: expected the kind key, multi-region-key, discovery or multi-region-discovery',
      );
  }
}

/** Allows any key that passes the filter, and uses the key that `toAsk` returns for it. */
function discovering(
  filter: DiscoveryFilter | undefined,
  toAsk: (arn: AwsKmsKeyArn) => AwsKmsKeyArn,
): BranchKeyKmsKeys['toOpen'] {
  const isAllowed = passing(filter);
  return (kmsArn) => {
    const arn = parseAwsKmsKeyArn(kmsArn);
    return arn !== undefined && isAllowed(arn) ? awsKmsKeyArnText(toAsk(arn)) : refuse();
  };
}

/** An alias may mean another key tomorrow, and the ARN is part of what the branch key is bound to. */
function checkKeyArn(keyArn: string): string {
  if (parseAwsKmsKeyArn(keyArn)) return keyArn;
  throw new TypeError('keyArn: expected the ARN of a key');
}

function refuse(): never {
  throw new KeyringError('BRANCH_KEY_INVALID', 'the branch key belongs to a KMS key that is not to be used');
}
