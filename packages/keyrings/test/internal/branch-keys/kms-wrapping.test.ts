import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BranchKeyStorage, branchKeyStore } from '../../../src/branch-key-store.ts';
import type { BranchKeyRecord } from '../../../src/internal/branch-keys/record.ts';
import { keyringError } from '../../fixtures/materials.ts';
import { type ScriptedKms, startScriptedKms } from '../../fixtures/scripted-kms.ts';

const keyArn = 'arn:aws:kms:eu-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const otherArn = 'arn:aws:kms:eu-north-1:111122223333:key/00000000-12ab-34cd-56ef-1234567890ab';
const honest = {
  KeyId: keyArn,
  SourceKeyId: keyArn,
  CiphertextBlob: Uint8Array.of(1),
  Plaintext: new Uint8Array(32),
};
const aTime: unknown = expect.stringMatching(/000Z$/);
let kms: ScriptedKms;

beforeAll(async () => {
  kms = await startScriptedKms();
});

afterAll(async () => {
  kms.client.destroy();
  await kms.close();
});

/** A store that keeps its records here, over a KMS that answers what it is told. */
function newStore() {
  const records = new Map<string, BranchKeyRecord>();
  const put = (record: BranchKeyRecord): void => void records.set(record.attributes['type'] ?? '', record);
  const storage: BranchKeyStorage = {
    read: async (_, type) => records.get(type),
    async create(created) {
      created.forEach(put);
      return true;
    },
    async replaceActive({ version, active }) {
      [version, active].forEach(put);
      return true;
    },
  };
  const store = branchKeyStore({
    storage,
    kmsClient: kms.client,
    kmsConfiguration: { kind: 'key', keyArn },
    logicalKeyStoreName: 'orders',
    grantTokens: ['first', 'second'],
  });
  return { store, records };
}

describe('the requests to AWS KMS', () => {
  it('are those of the specification when a branch key is created, and opened', async () => {
    kms.answer(honest);
    const before = kms.requests.length;
    const { store } = newStore();
    const options = { branchKeyId: 'tenant', encryptionContext: { department: 'admin' } };
    await store.createBranchKey(options);
    const { branchKeyVersion } = await store.activeBranchKey('tenant');
    await store.branchKeyVersion('tenant', branchKeyVersion);
    await store.beaconKey('tenant');

    const shared = {
      'branch-key-id': 'tenant',
      'create-time': aTime,
      'hierarchy-version': '1',
      'kms-arn': keyArn,
      'aws-crypto-ec:department': 'admin',
      tablename: 'orders',
    };
    const type = `branch:version:${branchKeyVersion}`;
    const version = { ...shared, type };
    const active = { ...shared, type: 'branch:ACTIVE', version: type };
    const beacon = { ...shared, type: 'beacon:ACTIVE' };
    const GrantTokens = ['first', 'second'];
    const CiphertextBlob = 'AQ==';
    const generated = { KeyId: keyArn, NumberOfBytes: 32, GrantTokens };
    const decrypted = { KeyId: keyArn, CiphertextBlob, GrantTokens };
    expect(kms.requests.slice(before).map(({ operation, body }) => [operation, body])).toEqual([
      ['GenerateDataKeyWithoutPlaintext', { ...generated, EncryptionContext: version }],
      [
        'ReEncrypt',
        {
          SourceKeyId: keyArn,
          SourceEncryptionContext: version,
          CiphertextBlob,
          DestinationKeyId: keyArn,
          DestinationEncryptionContext: active,
          GrantTokens,
        },
      ],
      ['GenerateDataKeyWithoutPlaintext', { ...generated, EncryptionContext: beacon }],
      ['Decrypt', { ...decrypted, EncryptionContext: active }],
      ['Decrypt', { ...decrypted, EncryptionContext: version }],
      ['Decrypt', { ...decrypted, EncryptionContext: beacon }],
    ]);
  });

  it('authenticate the active record before a new version is made', async () => {
    kms.answer(honest);
    const { store, records } = newStore();
    const branchKeyId = await store.createBranchKey();
    const context = { ...records.get('branch:ACTIVE')?.attributes, tablename: 'orders' };
    const before = kms.requests.length;
    await store.versionBranchKey(branchKeyId);
    const [authentication, ...others] = kms.requests.slice(before);
    expect(authentication).toMatchObject({
      operation: 'ReEncrypt',
      body: {
        SourceKeyId: keyArn,
        SourceEncryptionContext: context,
        DestinationKeyId: keyArn,
        DestinationEncryptionContext: context,
      },
    });
    expect(others.map(({ operation }) => operation)).toEqual([
      'GenerateDataKeyWithoutPlaintext',
      'ReEncrypt',
    ]);
  });

  it('are not made for a record with an attribute that the client may leave out', async () => {
    kms.answer(honest);
    const { store, records } = newStore();
    const branchKeyId = await store.createBranchKey();
    const { attributes, wrappedKey } = records.get('branch:ACTIVE') ?? expect.unreachable();
    records.set('branch:ACTIVE', { attributes: { ...attributes, ['__proto__']: 'a' }, wrappedKey });
    const before = kms.requests.length;
    for (const call of [store.activeBranchKey(branchKeyId), store.versionBranchKey(branchKeyId)]) {
      expect((await keyringError(call)).code).toBe('BRANCH_KEY_INVALID');
    }
    expect(kms.requests).toHaveLength(before);
  });
});

type Lie = Partial<Record<keyof typeof honest, string | number | Uint8Array>>;

describe('an answer of AWS KMS', () => {
  const lies: Readonly<Record<string, Lie>> = {
    'from another key': { KeyId: otherArn },
    'from a key without its ARN': { KeyId: keyArn.replace(/.*\//, '') },
    'from another source key': { SourceKeyId: otherArn },
    'without ciphertext': { CiphertextBlob: new Uint8Array(0) },
    'with a number for a ciphertext': { CiphertextBlob: 5 },
  };
  for (const [lie, change] of Object.entries(lies)) {
    it(`${lie} makes no branch key, and no version`, async () => {
      kms.answer(honest);
      const { store, records } = newStore();
      const branchKeyId = await store.createBranchKey();
      const before = [...records];
      kms.answer({ ...honest, ...change });
      for (const call of [() => store.createBranchKey(), () => store.versionBranchKey(branchKeyId)]) {
        expect(await keyringError(call())).toMatchObject({
          code: 'KEY_SERVICE_ANSWER_INVALID',
          keyService: 'AWS KMS',
        });
      }
      expect([...records]).toEqual(before);
    });
  }

  const misreadings: Readonly<Record<string, Lie>> = {
    'from another key': { KeyId: otherArn },
    'with a shorter key': { Plaintext: new Uint8Array(31) },
    'with a longer key': { Plaintext: new Uint8Array(33) },
    'without a key': { Plaintext: new Uint8Array(0) },
    'with a number for a key': { Plaintext: 5 },
  };
  for (const [lie, change] of Object.entries(misreadings)) {
    it(`${lie} opens no branch key`, async () => {
      kms.answer(honest);
      const { store } = newStore();
      const branchKeyId = await store.createBranchKey();
      kms.answer({ ...honest, ...change });
      for (const call of [() => store.activeBranchKey(branchKeyId), () => store.beaconKey(branchKeyId)]) {
        expect(await keyringError(call())).toMatchObject({
          code: 'KEY_SERVICE_ANSWER_INVALID',
          keyService: 'AWS KMS',
        });
      }
    });
  }
});
