import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BranchKeyStore } from '../src/branch-key-store.ts';
import { type KeyStoreSetting, readItem, startKeyStoreSetting, writeItem } from './fixtures/key-store.ts';
import { keyringError } from './materials.ts';

// What somebody can do to a branch key who may write to the table, but not use the KMS key.
let setting: KeyStoreSetting;
let keyStore: BranchKeyStore;
let otherKeyArn: string;

beforeAll(async () => {
  setting = await startKeyStoreSetting();
  keyStore = setting.store();
  otherKeyArn = await setting.kms.newKey();
});

afterAll(async () => {
  await setting.close();
});

type Item = Record<string, AttributeValue>;

/** A branch key with one version, one of whose records is changed. */
async function changedKey(record: keyof typeof reads, change: (item: Item) => Item): Promise<Changed> {
  const branchKeyId = await keyStore.createBranchKey({
    branchKeyId: `changed ${(count += 1)}`,
    encryptionContext: { department: 'admin' },
  });
  const { branchKeyVersion } = await keyStore.activeBranchKey(branchKeyId);
  const type = record === 'version' ? `branch:version:${branchKeyVersion}` : `${record}:ACTIVE`;
  await writeItem(setting.dynamoDb, change(await readItem(setting.dynamoDb, branchKeyId, type)));
  return { branchKeyId, branchKeyVersion };
}

interface Changed {
  readonly branchKeyId: string;
  readonly branchKeyVersion: string;
}

let count = 0;
const reads = {
  branch: ({ branchKeyId }: Changed) => keyStore.activeBranchKey(branchKeyId),
  version: ({ branchKeyId, branchKeyVersion }: Changed) =>
    keyStore.branchKeyVersion(branchKeyId, branchKeyVersion),
  beacon: ({ branchKeyId }: Changed) => keyStore.beaconKey(branchKeyId),
};
const records = ['branch', 'version', 'beacon'] as const satisfies readonly (keyof typeof reads)[];

const without =
  (name: string) =>
  ({ [name]: _, ...rest }: Item): Item =>
    rest;
const withAttribute =
  (name: string, value: AttributeValue) =>
  (item: Item): Item => ({ ...item, [name]: value });

describe.each(records)('the record %s of a branch key', (record) => {
  const malformed: Readonly<Record<string, (item: Item) => Item>> = {
    'no enc': without('enc'),
    'an enc of text': withAttribute('enc', { S: 'AAAA' }),
    'an empty enc': withAttribute('enc', { B: new Uint8Array(0) }),
    'no kms-arn': without('kms-arn'),
    'a kms-arn of bytes': withAttribute('kms-arn', { B: Uint8Array.of(1) }),
    'an empty kms-arn': withAttribute('kms-arn', { S: '' }),
    'an alias as kms-arn': withAttribute('kms-arn', { S: 'arn:aws:kms:eu-north-1:111122223333:alias/a' }),
    'no create-time': without('create-time'),
    'a create-time of a number': withAttribute('create-time', { N: '1' }),
    'no hierarchy-version': without('hierarchy-version'),
    'a hierarchy-version of text': withAttribute('hierarchy-version', { S: '1' }),
    'another hierarchy-version': withAttribute('hierarchy-version', { N: '2' }),
    'a context pair of a number': withAttribute('aws-crypto-ec:department', { N: '1' }),
    'an attribute that is a list': withAttribute('more', { L: [] }),
    'an attribute tablename': withAttribute('tablename', { S: 'orders' }),
  };
  for (const [fault, change] of Object.entries(malformed)) {
    it(`is refused with ${fault}`, async () => {
      const error = await keyringError(reads[record](await changedKey(record, change)));
      expect(error.code).toBe('BRANCH_KEY_INVALID');
    });
  }

  it('is refused with the ARN of another key', async () => {
    const changed = await changedKey(record, withAttribute('kms-arn', { S: otherKeyArn }));
    expect((await keyringError(reads[record](changed))).code).toBe('BRANCH_KEY_INVALID');
  });

  const forged: Readonly<Record<string, (item: Item) => Item>> = {
    'another create-time': withAttribute('create-time', { S: '2026-01-01T00:00:00.000000Z' }),
    'another context value': withAttribute('aws-crypto-ec:department', { S: 'guest' }),
    'a context pair less': without('aws-crypto-ec:department'),
    'a context pair more': withAttribute('aws-crypto-ec:role', { S: 'root' }),
    'an attribute more': withAttribute('note', { S: 'harmless' }),
    'a flipped bit in enc': ({ enc, ...rest }) => ({
      ...rest,
      enc: {
        B: enc?.B?.map((byte, i, { length }) => (i === length - 1 ? byte ^ 1 : byte)) ?? new Uint8Array(0),
      },
    }),
  };
  for (const [fault, change] of Object.entries(forged)) {
    it(`is refused by AWS KMS with ${fault}`, async () => {
      const error = await keyringError(reads[record](await changedKey(record, change)));
      expect(error).toMatchObject({ code: 'KEY_SERVICE_REFUSED', keyService: 'AWS KMS' });
    });
  }

  it('is refused by AWS KMS for a key store of another logical name', async () => {
    const changed = await changedKey(record, (item) => item);
    const another = setting.store({ logicalKeyStoreName: 'invoices' });
    const read = {
      branch: () => another.activeBranchKey(changed.branchKeyId),
      version: () => another.branchKeyVersion(changed.branchKeyId, changed.branchKeyVersion),
      beacon: () => another.beaconKey(changed.branchKeyId),
    };
    const error = await keyringError(read[record]());
    expect(error).toMatchObject({
      code: 'KEY_SERVICE_REFUSED',
      cause: { name: 'InvalidCiphertextException' },
    });
  });

  it('is refused by AWS KMS with the enc of another branch key', async () => {
    const other = await changedKey(record, (item) => item);
    const type = record === 'version' ? `branch:version:${other.branchKeyVersion}` : `${record}:ACTIVE`;
    const { enc } = await readItem(setting.dynamoDb, other.branchKeyId, type);
    const changed = await changedKey(record, withAttribute('enc', enc ?? expect.unreachable()));
    expect((await keyringError(reads[record](changed))).code).toBe('KEY_SERVICE_REFUSED');
  });
});

describe('the attribute version', () => {
  const wrongVersions: Readonly<Record<string, (item: Item) => Item>> = {
    'is not there': without('version'),
    'is no text': withAttribute('version', { N: '1' }),
    'has no prefix': withAttribute('version', { S: '5f7c1d0e-3d5a-4a1b-8f53-9d4e0c3a2b1f' }),
    'is no UUID': withAttribute('version', { S: 'branch:version:1' }),
    'is a UUID in upper case': withAttribute('version', {
      S: 'branch:version:5F7C1D0E-3D5A-4A1B-8F53-9D4E0C3A2B1F',
    }),
  };
  for (const [fault, change] of Object.entries(wrongVersions)) {
    it(`makes the active record invalid when it ${fault}`, async () => {
      const { branchKeyId } = await changedKey('branch', change);
      expect((await keyringError(keyStore.activeBranchKey(branchKeyId))).code).toBe('BRANCH_KEY_INVALID');
      expect((await keyringError(keyStore.versionBranchKey(branchKeyId))).code).toBe('BRANCH_KEY_INVALID');
    });
  }

  it('cannot name another version than AWS KMS has authenticated', async () => {
    const changed = await changedKey('branch', (item) => item);
    const other = await changedKey('branch', (item) => item);
    const item = await readItem(setting.dynamoDb, changed.branchKeyId, 'branch:ACTIVE');
    await writeItem(setting.dynamoDb, {
      ...item,
      version: { S: `branch:version:${other.branchKeyVersion}` },
    });
    for (const call of [keyStore.activeBranchKey, keyStore.versionBranchKey]) {
      expect((await keyringError(call(changed.branchKeyId))).code).toBe('KEY_SERVICE_REFUSED');
    }
  });

  for (const record of ['version', 'beacon'] as const) {
    it(`makes the record ${record} invalid, which has none`, async () => {
      const change = withAttribute('version', { S: 'branch:version:5f7c1d0e-3d5a-4a1b-8f53-9d4e0c3a2b1f' });
      expect((await keyringError(reads[record](await changedKey(record, change)))).code).toBe(
        'BRANCH_KEY_INVALID',
      );
    });
  }
});

it('A new version is not made from an active record that AWS KMS has not authenticated', async () => {
  const forged = withAttribute('aws-crypto-ec:department', { S: 'guest' });
  const { branchKeyId, branchKeyVersion } = await changedKey('branch', forged);
  const before = setting.dynamoDb.requests.length;
  const error = await keyringError(keyStore.versionBranchKey(branchKeyId));
  expect(error).toMatchObject({ code: 'KEY_SERVICE_REFUSED', keyService: 'AWS KMS' });
  const operations = setting.dynamoDb.requests.slice(before).map(({ operation }) => operation);
  expect(operations).toEqual(['GetItem']);
  await expect(keyStore.branchKeyVersion(branchKeyId, branchKeyVersion)).resolves.toBeDefined();
});

it('A new version keeps what the active record says of the branch key', async () => {
  const { branchKeyId } = await changedKey('branch', (item) => item);
  const {
    enc: _,
    version: __,
    'create-time': ___,
    ...before
  } = await readItem(setting.dynamoDb, branchKeyId, 'branch:ACTIVE');
  await keyStore.versionBranchKey(branchKeyId);
  expect(await readItem(setting.dynamoDb, branchKeyId, 'branch:ACTIVE')).toMatchObject(before);
});
