import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import {
  type BranchKeyStorage,
  type BranchKeyStore,
  branchKeyStore,
  dynamoDbStorage,
} from '../src/branch-key-store.ts';
import { type DynamoDb, dynamoDbClient, startDynamoDb } from './fixtures/dynamodb.ts';
import { unreachableUrl } from './fixtures/json-server.ts';
import { readItem, storeOptions } from './fixtures/key-store.ts';
import { type RunningKms, startLocalKms } from './fixtures/local-kms.ts';
import { keyringError } from './fixtures/materials.ts';
import { hasMoto, startMoto } from './fixtures/moto.ts';
import { unreachableClient } from './fixtures/scripted-kms.ts';

let kms: RunningKms;
let dynamoDb: DynamoDb;
let keyArn: string;
let keyStore: BranchKeyStore;

beforeAll(async () => {
  kms = await startLocalKms();
  dynamoDb = await startDynamoDb();
  keyArn = await kms.newKey();
  keyStore = branchKeyStore(storeOptions(kms, keyArn, dynamoDb));
});

afterAll(async () => {
  await dynamoDb.close();
  await kms.close();
});

const implementations = [
  { name: 'dynalite', missing: false, start: startDynamoDb },
  { name: 'moto', missing: !hasMoto, start: startMoto },
];

describe.each(implementations)('a branch key store over the DynamoDB of $name', ({ missing, start }) => {
  let table: Awaited<ReturnType<typeof start>>;
  let keyStore: BranchKeyStore;

  beforeAll(async () => {
    if (missing) return;
    table = await start();
    keyStore = branchKeyStore(storeOptions(kms, keyArn, table));
  });

  afterAll(async () => {
    if (!missing) await table.close();
  });

  beforeEach((context) => context.skip(missing, 'no moto_server: pip install "moto[dynamodb,server]"'));

  it('creates a branch key whose active version is a version', async () => {
    const branchKeyId = await keyStore.createBranchKey();
    expect(branchKeyId).toMatch(UUID);
    const active = await keyStore.activeBranchKey(branchKeyId);
    expect(active).toMatchObject({ branchKeyId, encryptionContext: {} });
    expect(active.branchKeyVersion).toMatch(UUID);
    expect(active.branchKey).toHaveLength(32);
    expect(await keyStore.branchKeyVersion(branchKeyId, active.branchKeyVersion)).toEqual(active);
  });

  it('creates a beacon key that is another, and stays when there is a new version', async () => {
    const branchKeyId = await keyStore.createBranchKey();
    const beacon = await keyStore.beaconKey(branchKeyId);
    expect(beacon).toMatchObject({ branchKeyId, encryptionContext: {} });
    expect(beacon.beaconKey).toHaveLength(32);
    expect(beacon.beaconKey).not.toEqual((await keyStore.activeBranchKey(branchKeyId)).branchKey);
    await keyStore.versionBranchKey(branchKeyId);
    expect(await keyStore.beaconKey(branchKeyId)).toEqual(beacon);
  });

  it('keeps every version, and the encryption context in all of them', async () => {
    const encryptionContext = { department: 'Größe', '__proto__.x': '', 𐐷: '\u{1f511}' };
    const branchKeyId = await keyStore.createBranchKey({ branchKeyId: 'versions', encryptionContext });
    const versions = [await keyStore.activeBranchKey(branchKeyId)];
    for (let round = 0; round < 3; round++) {
      const version = await keyStore.versionBranchKey(branchKeyId);
      const active = await keyStore.activeBranchKey(branchKeyId);
      expect(active.branchKeyVersion).toBe(version);
      versions.push(active);
    }
    expect(new Set(versions.map(({ branchKey }) => Buffer.from(branchKey).toString('hex'))).size).toBe(4);
    for (const version of versions) {
      expect(version).toMatchObject({ branchKeyId, encryptionContext });
      expect(await keyStore.branchKeyVersion(branchKeyId, version.branchKeyVersion)).toEqual(version);
    }
    expect((await keyStore.beaconKey(branchKeyId)).encryptionContext).toEqual(encryptionContext);
  });

  it('creates no branch key twice', async () => {
    const options = { branchKeyId: 'once', encryptionContext: { a: 'b' } };
    await keyStore.createBranchKey(options);
    const active = await keyStore.activeBranchKey('once');
    expect((await keyringError(keyStore.createBranchKey(options))).code).toBe('BRANCH_KEY_EXISTS');
    expect(await keyStore.activeBranchKey('once')).toEqual(active);
  });

  it('creates one branch key when several processes create it at once', async () => {
    const options = { branchKeyId: 'raced', encryptionContext: { a: 'b' } };
    const outcomes = await Promise.allSettled(
      Array.from({ length: 10 }, () => keyStore.createBranchKey(options)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const active = await keyStore.activeBranchKey('raced');
    expect(await keyStore.branchKeyVersion('raced', active.branchKeyVersion)).toEqual(active);
  });

  it('has one winner whenever 20 make a new version at once, and loses no key', {
    timeout: 120_000,
  }, async () => {
    const branchKeyId = await keyStore.createBranchKey();
    const everActive = [await keyStore.activeBranchKey(branchKeyId)];
    for (let round = 0; round < 3; round++) {
      const racing = branchKeyStore({
        ...storeOptions(kms, keyArn, table),
        storage: withBarrier(dynamoDbStorage(table), 20),
      });
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, () => racing.versionBranchKey(branchKeyId)),
      );
      const winners = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
      const losers = outcomes.filter(({ status }) => status === 'rejected');
      const active = await keyStore.activeBranchKey(branchKeyId);
      expect(winners).toEqual([active.branchKeyVersion]);
      expect(losers).toMatchObject(
        Array.from({ length: 19 }, () => ({ reason: { code: 'BRANCH_KEY_CHANGED' } })),
      );
      everActive.push(active);
    }
    for (const version of everActive) {
      expect(await keyStore.branchKeyVersion(branchKeyId, version.branchKeyVersion)).toEqual(version);
    }
  });

  it('says that there is no such branch key, version or beacon key', async () => {
    const branchKeyId = await keyStore.createBranchKey();
    for (const call of [
      () => keyStore.activeBranchKey('nobody'),
      () => keyStore.beaconKey('nobody'),
      () => keyStore.versionBranchKey('nobody'),
      () => keyStore.branchKeyVersion('nobody', unknownVersion),
      () => keyStore.branchKeyVersion(branchKeyId, unknownVersion),
    ]) {
      expect((await keyringError(call())).code).toBe('BRANCH_KEY_NOT_FOUND');
    }
  });
});

describe('a branch key store', () => {
  it('writes the records of the specification', async () => {
    const branchKeyId = await keyStore.createBranchKey({
      branchKeyId: 'records',
      encryptionContext: { department: 'admin' },
    });
    const { branchKeyVersion } = await keyStore.activeBranchKey(branchKeyId);
    const shared = {
      'branch-key-id': { S: branchKeyId },
      'kms-arn': { S: keyArn },
      'create-time': { S: aTime },
      'hierarchy-version': { N: '1' },
      'aws-crypto-ec:department': { S: 'admin' },
      enc: { B: someBytes },
    };
    const type = `branch:version:${branchKeyVersion}`;
    expect(await readItem(dynamoDb, branchKeyId, type)).toEqual({ ...shared, type: { S: type } });
    expect(await readItem(dynamoDb, branchKeyId, 'beacon:ACTIVE')).toEqual({
      ...shared,
      type: { S: 'beacon:ACTIVE' },
    });
    expect(await readItem(dynamoDb, branchKeyId, 'branch:ACTIVE')).toEqual({
      ...shared,
      type: { S: 'branch:ACTIVE' },
      version: { S: type },
    });
  });

  it('has written what it was asked to when only the answer is lost', async () => {
    dynamoDb.loseNextAnswer();
    const branchKeyId = await keyStore.createBranchKey({
      branchKeyId: 'lost',
      encryptionContext: { a: 'b' },
    });
    const first = await keyStore.activeBranchKey(branchKeyId);
    const losing = branchKeyStore({
      ...storeOptions(kms, keyArn, dynamoDb),
      storage: {
        ...dynamoDbStorage(dynamoDb),
        async replaceActive(change) {
          dynamoDb.loseNextAnswer();
          return dynamoDbStorage(dynamoDb).replaceActive(change);
        },
      },
    });
    const version = await losing.versionBranchKey(branchKeyId);
    expect((await keyStore.activeBranchKey(branchKeyId)).branchKeyVersion).toBe(version);
    expect(await keyStore.branchKeyVersion(branchKeyId, first.branchKeyVersion)).toEqual(first);
  });

  it('says which of its services is out', async () => {
    const branchKeyId = await keyStore.createBranchKey();
    const { branchKeyVersion } = await keyStore.activeBranchKey(branchKeyId);
    const options = storeOptions(kms, keyArn, dynamoDb);
    const gone = dynamoDbClient(await unreachableUrl(), 1);
    const kmsClient = await unreachableClient();
    const storage = dynamoDbStorage({ client: gone, tableName: 'any' });
    const outages = {
      'branch key store': branchKeyStore({ ...options, storage }),
      'AWS KMS': branchKeyStore({ ...options, kmsClient }),
    };
    for (const [keyService, store] of Object.entries(outages)) {
      for (const call of [
        () => store.activeBranchKey(branchKeyId),
        () => store.branchKeyVersion(branchKeyId, branchKeyVersion),
        () => store.beaconKey(branchKeyId),
        () => store.createBranchKey(),
        () => store.versionBranchKey(branchKeyId),
      ]) {
        expect(await keyringError(call())).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService });
      }
    }
    gone.destroy();
    kmsClient.destroy();
  });

  it('says that it was refused where there is no table', async () => {
    const storage = dynamoDbStorage({ client: dynamoDb.client, tableName: 'another' });
    const store = branchKeyStore({ ...storeOptions(kms, keyArn, dynamoDb), storage });
    for (const call of [() => store.activeBranchKey('any'), () => store.createBranchKey()]) {
      expect(await keyringError(call())).toMatchObject({
        code: 'KEY_SERVICE_REFUSED',
        keyService: 'branch key store',
        cause: { name: 'ResourceNotFoundException' },
      });
    }
  });

  it('takes an encryption context without prototype, as a message has', async () => {
    const encryptionContext = { tenant: '42' };
    Object.setPrototypeOf(encryptionContext, null);
    const branchKeyId = await keyStore.createBranchKey({ encryptionContext });
    expect((await keyStore.activeBranchKey(branchKeyId)).encryptionContext).toEqual({ tenant: '42' });
  });

  it('wants an encryption context for a branch key id of the caller, a plain object, and texts', async () => {
    const lone = '\ud800';
    for (const options of [
      { branchKeyId: 'mine' },
      { branchKeyId: 'mine', encryptionContext: {} },
      { branchKeyId: '', encryptionContext: { a: 'b' } },
      { branchKeyId: lone, encryptionContext: { a: 'b' } },
      { encryptionContext: { '': 'b' } },
      { encryptionContext: { a: lone } },
      { encryptionContext: { [lone]: 'b' } },
    ]) {
      await expect(keyStore.createBranchKey(options)).rejects.toThrow(TypeError);
    }
    for (const none of [new Map([['a', 'b']]), new URLSearchParams('a=b'), 'ab', ['a'], null]) {
      // @ts-expect-error some of it is nothing that the compiler lets pass
      await expect(keyStore.createBranchKey({ encryptionContext: none })).rejects.toThrow(TypeError);
    }
    for (const call of [
      () => keyStore.activeBranchKey(''),
      () => keyStore.beaconKey(lone),
      () => keyStore.versionBranchKey(''),
    ]) {
      await expect(call()).rejects.toThrow(TypeError);
    }
    for (const version of ['', 'branch:ACTIVE', unknownVersion.toUpperCase(), `${unknownVersion} `]) {
      await expect(keyStore.branchKeyVersion('any', version)).rejects.toThrow(TypeError);
    }
  });

  it('cannot be made without a client, a table, a key ARN, a region or a name', () => {
    const options = storeOptions(kms, keyArn, dynamoDb);
    const alias = keyArn.replace(/key\/.*/, 'alias/orders');
    for (const wrong of [
      { storage: undefined },
      { kmsClient: undefined },
      { logicalKeyStoreName: '' },
      { grantTokens: [''] },
      { kmsConfiguration: { kind: 'key', keyArn: alias } },
      { kmsConfiguration: { kind: 'key', keyArn: keyArn.replace(/.*\//, '') } },
      { kmsConfiguration: { kind: 'multi-region-key', keyArn: alias } },
      { kmsConfiguration: { kind: 'multi-region-discovery', region: '' } },
      { kmsConfiguration: { kind: 'discovery', discoveryFilter: { partition: 'aws', accountIds: [] } } },
      { kmsConfiguration: { kind: 'Discovery' } },
    ]) {
      // @ts-expect-error some of it is nothing that the compiler lets pass
      expect(() => branchKeyStore({ ...options, ...wrong })).toThrow(TypeError);
    }
    expect(() => branchKeyStore({ ...options, grantTokens: Array.from({ length: 11 }, () => 'a') })).toThrow(
      RangeError,
    );
    // @ts-expect-error there is no client
    expect(() => dynamoDbStorage({ tableName: 'orders' })).toThrow(TypeError);
    expect(() => dynamoDbStorage({ client: dynamoDb.client, tableName: '' })).toThrow(TypeError);
  });
});

describeExamples('packages/keyrings/docs/branch-key-store.md', () => ({
  ...kms.environment,
  ...dynamoDb.environment,
  KEY_ARN: keyArn,
}));

/** Lets nobody write before all have read what they are to replace. */
function withBarrier(storage: BranchKeyStorage, parties: number): BranchKeyStorage {
  let arrived = 0;
  let open: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    open = resolve;
  });
  return {
    ...storage,
    async replaceActive(change) {
      arrived += 1;
      if (arrived === parties) open();
      await all;
      return storage.replaceActive(change);
    },
  };
}

const aTime: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
const someBytes: unknown = expect.any(Uint8Array);
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const unknownVersion = '5f7c1d0e-3d5a-4a1b-8f53-9d4e0c3a2b1f';
