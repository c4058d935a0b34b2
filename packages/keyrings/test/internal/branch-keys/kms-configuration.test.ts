import { ReplicateKeyCommand } from '@aws-sdk/client-kms';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { BranchKeyKmsConfiguration } from '../../../src/branch-key-store.ts';
import { kmsKeys } from '../../../src/internal/branch-keys/kms-configuration.ts';
import { type KeyStoreSetting, readItem, startKeyStoreSetting } from '../../fixtures/key-store.ts';
import { startLocalKms } from '../../fixtures/local-kms.ts';
import { keyringError } from '../../fixtures/materials.ts';

const otherRegion = 'eu-west-1';
let setting: KeyStoreSetting;
let primary: string;
let replica: string;

beforeAll(async () => {
  setting = await startKeyStoreSetting();
  primary = await setting.kms.newKey({ MultiRegion: true });
  await setting.kms.client.send(new ReplicateKeyCommand({ KeyId: primary, ReplicaRegion: otherRegion }));
  replica = primary.replace('eu-north-1', otherRegion);
});

afterAll(async () => {
  await setting.close();
});

/** A store in the other region. */
const abroad = (kmsConfiguration: BranchKeyKmsConfiguration) =>
  setting.store({ kmsConfiguration, kmsClient: setting.kms.clientIn(otherRegion) });

/** A store at home. */
const atHome = (kmsConfiguration: BranchKeyKmsConfiguration) => setting.store({ kmsConfiguration });

describe('a branch key of a multi-Region key', () => {
  it('is opened in another region with the related key, or by discovery in a region', async () => {
    const home = atHome({ kind: 'key', keyArn: primary });
    const branchKeyId = await home.createBranchKey();
    const active = await home.activeBranchKey(branchKeyId);
    for (const configuration of [
      { kind: 'multi-region-key', keyArn: replica },
      { kind: 'multi-region-discovery', region: otherRegion },
    ] as const) {
      const store = abroad(configuration);
      expect(await store.activeBranchKey(branchKeyId)).toEqual(active);
      expect(await store.branchKeyVersion(branchKeyId, active.branchKeyVersion)).toEqual(active);
      expect(await store.beaconKey(branchKeyId)).toEqual(await home.beaconKey(branchKeyId));
    }
  });

  it('is not opened in another region without a word about multi-Region keys', async () => {
    const branchKeyId = await atHome({ kind: 'key', keyArn: primary }).createBranchKey();
    const strict = abroad({ kind: 'key', keyArn: replica });
    expect((await keyringError(strict.activeBranchKey(branchKeyId))).code).toBe('BRANCH_KEY_INVALID');
    const discovery = abroad({ kind: 'discovery' });
    expect((await keyringError(discovery.activeBranchKey(branchKeyId))).code).toBe('KEY_SERVICE_REFUSED');
  });

  it('gets a new version in another region, and keeps the ARN that it began with', async () => {
    const home = atHome({ kind: 'key', keyArn: primary });
    const branchKeyId = await home.createBranchKey();
    const version = await abroad({ kind: 'multi-region-key', keyArn: replica }).versionBranchKey(branchKeyId);
    const item = await readItem(setting.dynamoDb, branchKeyId, 'branch:ACTIVE');
    expect(item['kms-arn']).toEqual({ S: primary });
    expect((await home.activeBranchKey(branchKeyId)).branchKeyVersion).toBe(version);
    const strict = abroad({ kind: 'key', keyArn: replica });
    expect((await keyringError(strict.versionBranchKey(branchKeyId))).code).toBe('BRANCH_KEY_INVALID');
  });
});

describe('a branch key of a key of one region', () => {
  it('is opened by every configuration at home', async () => {
    const { keyArn } = setting;
    const branchKeyId = await atHome({ kind: 'key', keyArn }).createBranchKey();
    const active = await atHome({ kind: 'multi-region-key', keyArn }).activeBranchKey(branchKeyId);
    for (const configuration of [
      { kind: 'key', keyArn },
      { kind: 'discovery' },
      { kind: 'multi-region-discovery', region: otherRegion },
    ] as const) {
      expect(await atHome(configuration).activeBranchKey(branchKeyId)).toEqual(active);
    }
  });

  it('is refused by the configuration for another key', async () => {
    const branchKeyId = await setting.store().createBranchKey();
    for (const kind of ['key', 'multi-region-key'] as const) {
      const another = atHome({ kind, keyArn: primary });
      expect((await keyringError(another.activeBranchKey(branchKeyId))).code).toBe('BRANCH_KEY_INVALID');
      expect((await keyringError(another.versionBranchKey(branchKeyId))).code).toBe('BRANCH_KEY_INVALID');
    }
  });
});

describe('a branch key that somebody has put in the place of another', () => {
  it('is refused by the ARN of the key, and by discovery unless its account passes the filter', async () => {
    const foreign = await startLocalKms('444455556666');
    onTestFinished(() => foreign.close());
    const keyArn = await foreign.newKey();
    const branchKeyId = await setting
      .store({ kmsClient: foreign.client, kmsConfiguration: { kind: 'key', keyArn } })
      .createBranchKey();
    // As if the attacker's key was open to everybody.
    const read = async (kmsConfiguration: BranchKeyKmsConfiguration) =>
      setting.store({ kmsClient: foreign.client, kmsConfiguration }).activeBranchKey(branchKeyId);
    const ofOwn = { partition: 'aws', accountIds: ['111122223333'] };
    for (const configuration of [
      { kind: 'key', keyArn: setting.keyArn },
      { kind: 'discovery', discoveryFilter: ofOwn },
      { kind: 'multi-region-discovery', region: 'eu-north-1', discoveryFilter: ofOwn },
    ] as const) {
      expect((await keyringError(read(configuration))).code).toBe('BRANCH_KEY_INVALID');
    }
    const ofBoth = { partition: 'aws', accountIds: [...ofOwn.accountIds, '444455556666'] };
    for (const filter of [{}, { discoveryFilter: ofBoth }]) {
      expect(await read({ kind: 'discovery', ...filter })).toMatchObject({ branchKeyId });
    }
  });
});

it('Discovery neither creates nor versions branch keys, and asks nobody', async () => {
  const before = setting.dynamoDb.requests.length;
  for (const store of [
    atHome({ kind: 'discovery' }),
    atHome({ kind: 'multi-region-discovery', region: otherRegion }),
  ]) {
    await expect(store.createBranchKey()).rejects.toThrow(TypeError);
    await expect(store.versionBranchKey('any')).rejects.toThrow(TypeError);
  }
  expect(setting.dynamoDb.requests).toHaveLength(before);
});

it('Only multi-Region keys are asked for in another region than their own', () => {
  const keys = kmsKeys({ kind: 'multi-region-discovery', region: otherRegion });
  expect(keys.toOpen(primary)).toBe(replica);
  expect(keys.toOpen(setting.keyArn)).toBe(setting.keyArn);
});
