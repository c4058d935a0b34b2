import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  type BranchKeyStorage,
  type BranchKeyStore,
  dynamoDbStorage,
} from '../../../src/branch-key-store.ts';
import { type KeyStoreSetting, readItem, startKeyStoreSetting, writeItem } from '../../fixtures/key-store.ts';
import { keyringError } from '../../fixtures/materials.ts';

// What somebody can do to a branch key who may write to the table, but not use the KMS key.
let setting: KeyStoreSetting;
let keyStore: BranchKeyStore;
let otherKeyArn: string;
let subject: BranchKey;
let other: BranchKey;

beforeAll(async () => {
  setting = await startKeyStoreSetting();
  keyStore = setting.store();
  otherKeyArn = await setting.kms.newKey();
  subject = await newBranchKey('subject');
  other = await newBranchKey('other');
});

afterAll(async () => {
  await setting.close();
});

type Item = Record<string, AttributeValue>;

interface BranchKey {
  readonly branchKeyId: string;
  readonly branchKeyVersion: string;
}

/** A branch key with one version. */
async function newBranchKey(branchKeyId: string): Promise<BranchKey> {
  await keyStore.createBranchKey({ branchKeyId, encryptionContext: { department: 'admin' } });
  const { branchKeyVersion } = await keyStore.activeBranchKey(branchKeyId);
  return { branchKeyId, branchKeyVersion };
}

/** Changes a record of the subject, until the end of the test. */
async function changeRecord(record: keyof typeof reads, change: (item: Item) => Item): Promise<void> {
  const item = await readItem(setting.dynamoDb, subject.branchKeyId, typeOf(record, subject));
  onTestFinished(() => writeItem(setting.dynamoDb, item));
  await writeItem(setting.dynamoDb, change(item));
}

function typeOf(record: keyof typeof reads, { branchKeyVersion }: BranchKey): string {
  return record === 'version' ? `branch:version:${branchKeyVersion}` : `${record}:ACTIVE`;
}

const reads = {
  branch: (store: BranchKeyStore) => store.activeBranchKey(subject.branchKeyId),
  version: (store: BranchKeyStore) => store.branchKeyVersion(subject.branchKeyId, subject.branchKeyVersion),
  beacon: (store: BranchKeyStore) => store.beaconKey(subject.branchKeyId),
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
      await changeRecord(record, change);
      const error = await keyringError(reads[record](keyStore));
      expect(error.code).toBe('BRANCH_KEY_INVALID');
    });
  }

  it('is refused with the ARN of another key', async () => {
    await changeRecord(record, withAttribute('kms-arn', { S: otherKeyArn }));
    expect((await keyringError(reads[record](keyStore))).code).toBe('BRANCH_KEY_INVALID');
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
      await changeRecord(record, change);
      const error = await keyringError(reads[record](keyStore));
      expect(error).toMatchObject({ code: 'KEY_SERVICE_REFUSED', keyService: 'AWS KMS' });
    });
  }

  it('is refused by AWS KMS for a key store of another logical name', async () => {
    const error = await keyringError(reads[record](setting.store({ logicalKeyStoreName: 'invoices' })));
    expect(error).toMatchObject({
      code: 'KEY_SERVICE_REFUSED',
      cause: { name: 'InvalidCiphertextException' },
    });
  });

  it('is refused by AWS KMS with the enc of another branch key', async () => {
    const { enc } = await readItem(setting.dynamoDb, other.branchKeyId, typeOf(record, other));
    await changeRecord(record, withAttribute('enc', enc ?? expect.unreachable()));
    expect((await keyringError(reads[record](keyStore))).code).toBe('KEY_SERVICE_REFUSED');
  });
});

describe('a storage that answers with another record', () => {
  it('is not believed, though AWS KMS would open it', async () => {
    const honest = dynamoDbStorage(setting.dynamoDb);
    const version = `branch:version:${subject.branchKeyVersion}` as const;
    const lies: readonly BranchKeyStorage['read'][] = [
      (_, type) => honest.read(other.branchKeyId, type === version ? 'branch:ACTIVE' : type),
      (branchKeyId, type) => honest.read(branchKeyId, type === 'branch:ACTIVE' ? version : 'branch:ACTIVE'),
    ];
    for (const read of lies) {
      const store = setting.store({ storage: { ...honest, read } });
      for (const record of records) {
        expect((await keyringError(reads[record](store))).code).toBe('BRANCH_KEY_INVALID');
      }
      expect((await keyringError(store.versionBranchKey(subject.branchKeyId))).code).toBe(
        'BRANCH_KEY_INVALID',
      );
    }
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
      await changeRecord('branch', change);
      for (const use of ['activeBranchKey', 'versionBranchKey'] as const) {
        expect((await keyringError(keyStore[use](subject.branchKeyId))).code).toBe('BRANCH_KEY_INVALID');
      }
    });
  }

  it('cannot name another version than AWS KMS has authenticated', async () => {
    const version = { S: `branch:version:${other.branchKeyVersion}` };
    await changeRecord('branch', withAttribute('version', version));
    for (const use of ['activeBranchKey', 'versionBranchKey'] as const) {
      expect((await keyringError(keyStore[use](subject.branchKeyId))).code).toBe('KEY_SERVICE_REFUSED');
    }
  });

  for (const record of ['version', 'beacon'] as const) {
    it(`makes the record ${record} invalid, which has none`, async () => {
      const version = { S: 'branch:version:5f7c1d0e-3d5a-4a1b-8f53-9d4e0c3a2b1f' };
      await changeRecord(record, withAttribute('version', version));
      expect((await keyringError(reads[record](keyStore))).code).toBe('BRANCH_KEY_INVALID');
    });
  }
});

describe('a new version', () => {
  it('is not made from an active record that AWS KMS has not authenticated', async () => {
    await changeRecord('branch', withAttribute('aws-crypto-ec:department', { S: 'guest' }));
    const before = setting.dynamoDb.requests.length;
    const error = await keyringError(keyStore.versionBranchKey(subject.branchKeyId));
    expect(error).toMatchObject({ code: 'KEY_SERVICE_REFUSED', keyService: 'AWS KMS' });
    const operations = setting.dynamoDb.requests.slice(before).map(({ operation }) => operation);
    expect(operations).toEqual(['GetItem']);
  });

  it('keeps all that the active record says, but for version and time', async () => {
    const before = await readItem(setting.dynamoDb, other.branchKeyId, 'branch:ACTIVE');
    await keyStore.versionBranchKey(other.branchKeyId);
    const after = await readItem(setting.dynamoDb, other.branchKeyId, 'branch:ACTIVE');
    const replaced = ['enc', 'version', 'create-time'];
    for (const [name, value] of Object.entries(after)) {
      if (replaced.includes(name)) expect(value).not.toEqual(before[name]);
      else expect(value).toEqual(before[name]);
    }
    expect(Object.keys(after).sort()).toEqual(Object.keys(before).sort());
  });
});
