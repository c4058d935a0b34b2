import { randomUUID } from 'node:crypto';
import type { KMSClient } from '@aws-sdk/client-kms';
import type { EncryptionContext } from '@holdfast/sdk/spi';
import { checkClient, checkGrantTokens } from './internal/aws-kms/clients.ts';
import type { BranchKeySource } from './internal/branch-keys/branch-key-source.ts';
import { type BranchKeyKmsConfiguration, kmsKeys } from './internal/branch-keys/kms-configuration.ts';
import { kmsWrapping } from './internal/branch-keys/kms-wrapping.ts';
import {
  ACTIVE_TYPE,
  asActive,
  asBeacon,
  BEACON_TYPE,
  type BranchKeyRecord,
  type BranchKeyRecordType,
  checkRecord,
  customContext,
  firstVersion,
  isUuid,
  nextVersion,
  versionOf,
  versionType,
} from './internal/branch-keys/record.ts';
import type { BranchKeyStorage } from './internal/branch-keys/storage.ts';
import { KeyringError } from './internal/errors.ts';
import { isText, isWellFormed } from './internal/text.ts';

export type { BranchKeyMaterials } from '@holdfast/sdk/spi';
export type { DiscoveryFilter } from './internal/aws-kms/discovery-filter.ts';
export type { BranchKeySource } from './internal/branch-keys/branch-key-source.ts';
export { type DynamoDbTable, dynamoDbStorage } from './internal/branch-keys/dynamodb-storage.ts';
export type { BranchKeyKmsConfiguration } from './internal/branch-keys/kms-configuration.ts';
export type { BranchKeyRecord, BranchKeyRecordType } from './internal/branch-keys/record.ts';
export type { ActiveKeyChange, BranchKeyStorage } from './internal/branch-keys/storage.ts';

/** Options of {@link branchKeyStore}. */
export interface BranchKeyStoreOptions {
  /** Keeps the records. */
  readonly storage: BranchKeyStorage;
  /** For the region of the KMS key. Nothing is added to its configuration. */
  readonly kmsClient: KMSClient;
  /** Which keys of AWS KMS may be used. */
  readonly kmsConfiguration: BranchKeyKmsConfiguration;
  /**
   * Bound to every branch key, and the same in every process. Not the name of the table, which may change when the table is
   * restored from a backup. Two tables must not share a logical name.
   */
  readonly logicalKeyStoreName: string;
  /** Sent with every request to AWS KMS; at most 10. */
  readonly grantTokens?: readonly string[];
}

/** Id and encryption context of a new branch key. */
export interface CreateBranchKeyOptions {
  /** Needs an encryption context too. Default: a random UUID. */
  readonly branchKeyId?: string;
  /** A plain object of pairs that all versions of the branch key are bound to. Non-secret. Default: none. */
  readonly encryptionContext?: EncryptionContext;
}

/** A key from which searchable encryption derives its beacons. */
export interface BeaconKeyMaterials {
  /** The id of the branch key that it was created with. */
  readonly branchKeyId: string;
  /** The encryption context of the branch key. */
  readonly encryptionContext: EncryptionContext;
  /** 32 bytes. The holder of the materials wipes it after use. */
  readonly beaconKey: Uint8Array;
}

/**
 * Branch keys, each with all its versions. Every method rejects with `KeyringError`: `KEY_SERVICE_UNAVAILABLE`,
 * `KEY_SERVICE_REFUSED` and `KEY_SERVICE_ANSWER_INVALID`, `BRANCH_KEY_NOT_FOUND` and `BRANCH_KEY_INVALID`, or the codes
 * that its description names; and with `TypeError` for ids, versions and contexts of another form.
 */
export interface BranchKeyStore extends BranchKeySource {
  /** The key that is created with a branch key and never changes. */
  beaconKey(branchKeyId: string): Promise<BeaconKeyMaterials>;
  /**
   * Makes a branch key with its first version and its beacon key, and resolves to its id.
   *
   * Rejects also with `BRANCH_KEY_EXISTS`; and with `TypeError` where the KMS configuration is for reading only.
   */
  createBranchKey(options?: CreateBranchKeyOptions): Promise<string>;
  /**
   * Makes a new version active, and resolves to it. Earlier versions stay, for what they have wrapped. Keyrings go on
   * with the version in their cache until that entry expires.
   *
   * Rejects also with `BRANCH_KEY_CHANGED` when another process was first; and with `TypeError` where the KMS
   * configuration is for reading only.
   */
  versionBranchKey(branchKeyId: string): Promise<string>;
}

/**
 * Keeps branch keys, wrapped by a key of AWS KMS. Each call asks both the storage and AWS KMS: the hierarchical keyring
 * has the cache.
 *
 * @throws TypeError for a missing client, storage or name, or a KMS key that is not named by its ARN
 * @throws RangeError for more than 10 grant tokens
 * @see https://github.com/awslabs/aws-encryption-sdk-specification/blob/master/framework/branch-key-store.md
 * @example
 * const keyStore = branchKeyStore({
 *   storage: dynamoDbStorage({ client: new DynamoDBClient(), tableName: 'branch-keys' }),
 *   kmsClient: new KMSClient(),
 *   kmsConfiguration: { kind: 'key', keyArn },
 *   logicalKeyStoreName: 'orders',
 * });
 * const branchKeyId = await keyStore.createBranchKey();
 */
export function branchKeyStore(options: BranchKeyStoreOptions): BranchKeyStore {
  const { storage, logicalKeyStoreName } = options;
  if (typeof storage?.read !== 'function') throw new TypeError('storage: expected a BranchKeyStorage');
  const client = checkClient(options.kmsClient, 'kmsClient');
  const keys = kmsKeys(options.kmsConfiguration);
  const grantTokens = checkGrantTokens(options.grantTokens);
  assertText('logicalKeyStoreName', logicalKeyStoreName);
  const kms = kmsWrapping({ client, keys, logicalKeyStoreName, grantTokens });

  const recordOf = async (branchKeyId: string, type: BranchKeyRecordType): Promise<BranchKeyRecord> => {
    assertText('branchKeyId', branchKeyId);
    const record = await storage.read(branchKeyId, type);
    if (record === undefined) {
      throw new KeyringError('BRANCH_KEY_NOT_FOUND', 'the key store has no such branch key or version');
    }
    return checkRecord(record, branchKeyId, type);
  };
  const materialsOf = async (branchKeyId: string, type: BranchKeyRecordType) => {
    const record = await recordOf(branchKeyId, type);
    const branchKeyVersion = versionOf(record.attributes);
    const encryptionContext = customContext(record.attributes);
    return { branchKeyId, branchKeyVersion, encryptionContext, branchKey: await kms.unwrap(record) };
  };
  const generate = async (keyArn: string, attributes: BranchKeyRecord['attributes']) => {
    const version = await kms.generate(keyArn, attributes);
    return { version, active: await kms.rewrap(keyArn, version, asActive(attributes)) };
  };

  return {
    logicalKeyStoreName,
    activeBranchKey: async (branchKeyId) => materialsOf(branchKeyId, ACTIVE_TYPE),
    async branchKeyVersion(branchKeyId, version) {
      if (!isUuid(version)) throw new TypeError('version: expected a UUID in lower case');
      return materialsOf(branchKeyId, versionType(version));
    },
    async beaconKey(branchKeyId) {
      const record = await recordOf(branchKeyId, BEACON_TYPE);
      const encryptionContext = customContext(record.attributes);
      return { branchKeyId, encryptionContext, beaconKey: await kms.unwrap(record) };
    },
    async createBranchKey(options = {}) {
      const keyArn = keys.own ?? readingOnly();
      const branchKeyId = options.branchKeyId ?? randomUUID();
      const encryptionContext = checkContext(options);
      assertText('branchKeyId', branchKeyId);
      const attributes = firstVersion({ branchKeyId, kmsKeyArn: keyArn, encryptionContext }, randomUUID());
      const { version, active } = await generate(keyArn, attributes);
      const beacon = await kms.generate(keyArn, asBeacon(attributes));
      if (await storage.create([version, active, beacon])) return branchKeyId;
      throw new KeyringError('BRANCH_KEY_EXISTS', 'there is a branch key of that id');
    },
    async versionBranchKey(branchKeyId) {
      if (keys.own === undefined) readingOnly();
      const replaced = await recordOf(branchKeyId, ACTIVE_TYPE);
      const keyArn = keys.toOpen(replaced.attributes['kms-arn'] ?? '');
      // Fails unless AWS KMS made this record: otherwise anyone who can write to the table could change what all later
      // versions are bound to.
      await kms.rewrap(keyArn, replaced, replaced.attributes);
      const version = randomUUID();
      const records = await generate(keyArn, nextVersion(replaced.attributes, version));
      if (await storage.replaceActive({ ...records, replaced: replaced.wrappedKey })) return version;
      throw new KeyringError('BRANCH_KEY_CHANGED', 'another writer changed the branch key first');
    },
  };
}

function checkContext({ branchKeyId, encryptionContext = {} }: CreateBranchKeyOptions): EncryptionContext {
  if (!isPlainObject(encryptionContext)) throw new TypeError('encryptionContext: expected a plain object');
  const pairs = Object.entries(encryptionContext);
  if (branchKeyId !== undefined && pairs.length === 0) {
    throw new TypeError('encryptionContext: expected one, for a branch key id of your own');
  }
  for (const [key, value] of pairs) {
    assertText('encryptionContext', key);
    if (!isWellFormed(value)) throw new TypeError('encryptionContext: expected texts');
  }
  return Object.fromEntries(pairs);
}

/** A Map has no pairs of its own, nor has an instance of a class: the branch key would be bound to none, for good. */
function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function assertText(name: string, value: unknown): void {
  if (!isText(value)) throw new TypeError(`${name}: expected a text`);
}

function readingOnly(): never {
  throw new TypeError(
    'kmsConfiguration: expected a key, to create or version branch keys; discovery only reads',
  );
}
