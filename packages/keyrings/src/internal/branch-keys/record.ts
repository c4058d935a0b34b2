import type { EncryptionContext } from '@holdfast/sdk/spi';
import { KeyringError } from '../errors.ts';

/** The `type` of a record: the active version, the beacon key, or any version, the active one too. */
export type BranchKeyRecordType = 'beacon:ACTIVE' | 'branch:ACTIVE' | `branch:version:${string}`;

/** One record of a branch key, as every implementation of the specification keeps it. */
export interface BranchKeyRecord {
  /**
   * Every attribute but `enc`, as text: `branch-key-id`, `type`, `create-time`, `kms-arn`, `hierarchy-version`, in
   * the active record `version`, and `aws-crypto-ec:…` for each pair of the branch key's encryption context.
   */
  readonly attributes: Readonly<Record<string, string>>;
  /** `enc`: the key, wrapped by AWS KMS and bound to all attributes. */
  readonly wrappedKey: Uint8Array;
}

/** Attributes of a version, from which those of the other records are made. */
export type BranchKeyAttributes = BranchKeyRecord['attributes'];

/** Attributes that a branch key is given once, when it is created. */
export interface NewBranchKey {
  readonly branchKeyId: string;
  readonly kmsKeyArn: string;
  readonly encryptionContext: EncryptionContext;
}

/** The attributes of the first version of a new branch key. */
export function firstVersion(
  { branchKeyId, kmsKeyArn, encryptionContext }: NewBranchKey,
  version: string,
): BranchKeyAttributes {
  const custom = Object.entries(encryptionContext).map(([key, value]): [string, string] => [
    `${CUSTOM_PREFIX}${key}`,
    value,
  ]);
  return {
    ...Object.fromEntries(custom),
    'branch-key-id': branchKeyId,
    'kms-arn': kmsKeyArn,
    'hierarchy-version': HIERARCHY_VERSION,
    type: `${VERSION_PREFIX}${version}`,
    'create-time': now(),
  };
}

/** Returns the attributes of a version that follows that of an active record: what was given on creation stays. */
export function nextVersion(active: BranchKeyAttributes, version: string): BranchKeyAttributes {
  const { version: _, ...rest } = active;
  return { ...rest, type: `${VERSION_PREFIX}${version}`, 'create-time': now() };
}

/** The attributes of the active record of a version. */
export function asActive(version: BranchKeyAttributes): BranchKeyAttributes {
  return { ...version, type: ACTIVE_TYPE, version: version['type'] ?? '' };
}

/** The attributes of the beacon key that is made together with a first version. */
export function asBeacon(version: BranchKeyAttributes): BranchKeyAttributes {
  return { ...version, type: BEACON_TYPE };
}

/** The `type` of the record of a version. */
export function versionType(version: string): BranchKeyRecordType {
  return `${VERSION_PREFIX}${version}`;
}

/**
 * Returns the record, if it is the one that was asked for and is well-formed.
 *
 * @throws KeyringError `BRANCH_KEY_INVALID`
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/branch-key-store.md#record-format
 */
export function checkRecord(
  record: BranchKeyRecord,
  branchKeyId: string,
  type: BranchKeyRecordType,
): BranchKeyRecord {
  const { attributes } = record;
  const expected = { 'branch-key-id': branchKeyId, type, 'hierarchy-version': HIERARCHY_VERSION };
  for (const [name, value] of Object.entries(expected)) {
    if (attributes[name] !== value) throw invalidRecord(`another ${name}`);
  }
  for (const name of ['create-time', 'kms-arn']) {
    if (!attributes[name]) throw invalidRecord(`no ${name}`);
  }
  // In the encryption context for AWS KMS they have another meaning, or are not allowed, or get lost on the way.
  for (const name of ['enc', 'tablename', '__proto__']) {
    if (Object.hasOwn(attributes, name)) throw invalidRecord(`an attribute ${name}`);
  }
  if (type === ACTIVE_TYPE) {
    if (!isUuid(versionOf(attributes))) throw invalidRecord('no version');
  } else if (Object.hasOwn(attributes, 'version')) throw invalidRecord('an attribute version');
  if (record.wrappedKey.length === 0) throw invalidRecord('no enc');
  return record;
}

/** Returns the version that the record of a branch key holds, without prefix; empty if there is none. */
export function versionOf({ type = '', version = type }: BranchKeyAttributes): string {
  return version.startsWith(VERSION_PREFIX) ? version.slice(VERSION_PREFIX.length) : '';
}

/** The encryption context that the branch key was created with. */
export function customContext(attributes: BranchKeyAttributes): EncryptionContext {
  const custom = Object.entries(attributes).filter(([name]) => name.startsWith(CUSTOM_PREFIX));
  return Object.fromEntries(custom.map(([name, value]) => [name.slice(CUSTOM_PREFIX.length), value]));
}

/** True for a UUID as text, in its one canonical form: lower case, with hyphens. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

/** Returns the error for a record of a branch key that is not what the specification says. */
export function invalidRecord(what: string): KeyringError {
  return new KeyringError('BRANCH_KEY_INVALID', `the record of the branch key has ${what}`);
}

/** The specification wants microseconds; the clock here has milliseconds. */
function now(): string {
  return new Date().toISOString().replace('Z', '000Z');
}

/** The `type` of the active record. */
export const ACTIVE_TYPE = 'branch:ACTIVE';
/** The `type` of the record of the beacon key. */
export const BEACON_TYPE = 'beacon:ACTIVE';
const VERSION_PREFIX = 'branch:version:';
const CUSTOM_PREFIX = 'aws-crypto-ec:';
const HIERARCHY_VERSION = '1';
