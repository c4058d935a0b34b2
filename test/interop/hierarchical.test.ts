import { BranchKeyStoreNode, KmsHierarchicalKeyRingNode } from '@aws-crypto/client-node';
import { branchKeyStore } from '@holdfast/keyrings/branch-key-store';
import { hierarchicalKeyring } from '@holdfast/keyrings/hierarchical';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DynamoDb, startDynamoDb } from '../../packages/keyrings/test/fixtures/dynamodb.ts';
import { storeOptions } from '../../packages/keyrings/test/fixtures/key-store.ts';
import { type RunningKms, startLocalKms } from '../../packages/keyrings/test/fixtures/local-kms.ts';
import { clientNode } from './client-node.ts';
import { contexts, directions, expectExchange, sample } from './exchange.ts';
import { holdfast } from './holdfast.ts';
import { policyFor, suites } from './implementation.ts';

let kms: RunningKms;
let dynamoDb: DynamoDb;
let keyArn: string;

beforeAll(async () => {
  kms = await startLocalKms();
  dynamoDb = await startDynamoDb();
  keyArn = await kms.newKey();
});

afterAll(async () => {
  await dynamoDb.close();
  await kms.close();
});

const ours = () => branchKeyStore(storeOptions(kms, keyArn, dynamoDb));
const theirs = () =>
  new BranchKeyStoreNode({
    storage: { ddbTableName: dynamoDb.tableName, ddbClient: dynamoDb.client },
    keyManagement: { kmsClient: kms.client },
    kmsConfiguration: { identifier: keyArn },
    logicalKeyStoreName: 'orders',
  });

function hierarchicalDirections(
  branchKeyId: string,
  { utf8Sorting = true, acceptLocaleOrderedContexts = false } = {},
) {
  const keyring = hierarchicalKeyring({
    keyStore: ours(),
    branchKeyId,
    ttlMs: 60_000,
    acceptLocaleOrderedContexts,
  });
  const peer = new KmsHierarchicalKeyRingNode({
    keyStore: theirs(),
    branchKeyId,
    cacheLimitTtl: 60,
    utf8Sorting,
  });
  return directions(holdfast(keyring), clientNode(peer));
}

const encryptionContext = { department: 'admin' };
const creators = {
  Holdfast: (branchKeyId: string) => ours().createBranchKey({ branchKeyId, encryptionContext }),
  '@aws-crypto': async (branchKeyId: string) => {
    const created = await theirs().createKey({ branchKeyIdentifier: branchKeyId, encryptionContext });
    return created.branchKeyIdentifier;
  },
};

describe.each(Object.entries(creators))('with a branch key that %s created', (name, create) => {
  let branchKeyId: string;
  beforeAll(async () => {
    branchKeyId = await create(`by ${name}`);
  });

  it('both read the same key, version and encryption context', async () => {
    const active = await ours().activeBranchKey(branchKeyId);
    const read = [
      await theirs().getActiveBranchKey(branchKeyId),
      await theirs().getBranchKeyVersion(branchKeyId, active.branchKeyVersion),
    ];
    for (const material of read) {
      expect(Buffer.compare(material.branchKey(), active.branchKey)).toBe(0);
      expect(Buffer.from(material.branchKeyVersion).toString()).toBe(active.branchKeyVersion);
      expect(material.encryptionContext).toEqual(active.encryptionContext);
    }
    expect(active.encryptionContext).toEqual(encryptionContext);
    expect((await ours().beaconKey(branchKeyId)).encryptionContext).toEqual(encryptionContext);
  });

  for (const suite of suites) {
    it(`either opens what the other wrote, suite 0x${suite.toString(16).padStart(4, '0')}`, async () => {
      for (const { writer, reader } of hierarchicalDirections(branchKeyId)) {
        for (const context of Object.values(contexts)) {
          const options = { commitmentPolicy: policyFor(suite), suite, encryptionContext: context };
          await expectExchange(writer, reader, sample(5_000), options);
        }
      }
    });
  }

  it('either goes on with the version that the other made', async () => {
    for (const version of [
      () => ours().versionBranchKey(branchKeyId),
      () => theirs().versionKey({ branchKeyIdentifier: branchKeyId }),
    ]) {
      const { branchKeyVersion: before } = await ours().activeBranchKey(branchKeyId);
      await version();
      const { branchKeyVersion, branchKey } = await ours().activeBranchKey(branchKeyId);
      expect(branchKeyVersion).not.toBe(before);
      expect(Buffer.compare((await theirs().getActiveBranchKey(branchKeyId)).branchKey(), branchKey)).toBe(0);
      for (const { writer, reader } of hierarchicalDirections(branchKeyId)) {
        await expectExchange(writer, reader, sample(10), { commitmentPolicy: policyFor(0x0578) });
      }
    }
  });
});

it('What the other wrote with a context in the order of its locale opens only on request', async () => {
  const branchKeyId = await ours().createBranchKey();
  const options = {
    commitmentPolicy: policyFor(0x0478),
    suite: 0x0478,
    encryptionContext: contexts['mixed case'],
  } as const;
  const [, strict = expect.unreachable()] = hierarchicalDirections(branchKeyId, { utf8Sorting: false });
  await expect(expectExchange(strict.writer, strict.reader, sample(10), options)).rejects.toMatchObject({
    code: 'DECRYPTION_FAILED',
  });
  const [, lenient = expect.unreachable()] = hierarchicalDirections(branchKeyId, {
    utf8Sorting: false,
    acceptLocaleOrderedContexts: true,
  });
  await expectExchange(lenient.writer, lenient.reader, sample(10), options);
});
