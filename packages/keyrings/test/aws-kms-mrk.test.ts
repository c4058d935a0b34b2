import type { KMSClient } from '@aws-sdk/client-kms';
import type { EncryptedDataKey, Keyring } from '@holdfast/sdk/spi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { awsKmsMrkKeyring } from '../src/aws-kms-mrk.ts';
import { describeHostileInput } from './contract/hostile-input.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import { type RunningKms, startLocalKms } from './fixtures/local-kms.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, rootCauses } from './fixtures/materials.ts';
import { type ScriptedKms, startScriptedKms, unreachableClient } from './fixtures/scripted-kms.ts';

let kms: RunningKms;
let liar: ScriptedKms;
let unreachable: KMSClient;
let keys: { readonly first: string; readonly second: string; readonly third: string };
let related: { readonly primary: string; readonly replica: string };

beforeAll(async () => {
  kms = await startLocalKms();
  liar = await startScriptedKms();
  unreachable = await unreachableClient();
  keys = { first: await kms.newKey(), second: await kms.newKey(), third: await kms.newKey() };
  const primary = await kms.newKey({ MultiRegion: true });
  related = { primary, replica: await kms.replicate(primary, 'us-west-2') };
});

afterAll(async () => {
  unreachable.destroy();
  await liar.close();
  await kms.close();
});

describeKeyringContract('a multi-Region-aware AWS KMS keyring with a generator and a child', {
  generating: () => keyring(keys.first, keys.second),
  wrapping: () => awsKmsMrkKeyring({ client: kms.client, keyIds: [keys.first, keys.second] }),
  stranger: () => keyring(keys.third),
});

describeKeyringContract('a multi-Region-aware AWS KMS keyring that opens with a replica', {
  generating() {
    const reader = awsKmsMrkKeyring({ client: kms.clientIn, keyIds: [related.replica] });
    return acrossRegions(keyring(related.primary), reader);
  },
  wrapping() {
    const reader = awsKmsMrkKeyring({ client: kms.clientIn, generatorKeyId: related.replica });
    return acrossRegions(awsKmsMrkKeyring({ client: kms.client, keyIds: [related.primary] }), reader);
  },
  stranger: () => keyring(keys.third),
  similar: () =>
    [`${related.replica}0`, related.replica.slice(0, -1)].map((keyArn) =>
      awsKmsMrkKeyring({ client: kms.clientIn, keyIds: [keyArn] }),
    ),
});

describeKeyringContract('a multi-Region-aware AWS KMS keyring with a key of one region', {
  generating: () => keyring(keys.first),
  wrapping: () => awsKmsMrkKeyring({ client: kms.client, keyIds: [keys.first] }),
  stranger: () => keyring(keys.second),
  similar: () => [keyring(`${keys.first}0`), keyring(keys.first.slice(0, -1))],
  lying() {
    liar.answer({ KeyId: keys.first, Plaintext: new Uint8Array(33).fill(1) });
    return awsKmsMrkKeyring({ client: liar.client, keyIds: [keys.first] });
  },
  outage: {
    keyService: 'AWS KMS',
    keyring: () => awsKmsMrkKeyring({ client: unreachable, generatorKeyId: keys.first }),
  },
});

describeHostileInput('a multi-Region-aware AWS KMS keyring', {
  keyring: () => keyring(keys.first),
  providerIds: ['aws-kms'],
  providerInfo: () => new TextEncoder().encode(keys.first),
});

describe('a multi-Region-aware AWS KMS keyring asks', () => {
  it('for its own key, in its own region, to open what a related key wrapped', async () => {
    liar.answer({ KeyId: replica, Plaintext: dataKey });
    const keyring = awsKmsMrkKeyring({ client: liar.clientIn('us-west-2'), keyIds: [replica], grantTokens });
    const opened = await keyring.onDecrypt(decryptionMaterials({ encryptionContext }), [wrappedBy(primary)]);
    expect(opened.dataKey).toEqual(dataKey);
    expect(liar.requests.at(-1)).toEqual({
      operation: 'Decrypt',
      region: 'us-west-2',
      body: {
        KeyId: replica,
        CiphertextBlob: 'AQID',
        EncryptionContext: encryptionContext,
        GrantTokens: grantTokens,
      },
    });
  });

  it('in the region of each key, where clients go by region', async () => {
    liar.answer((body) => ({ ...generated, KeyId: keyIdIn(body) }));
    const before = liar.requests.length;
    const keyring = awsKmsMrkKeyring({
      client: liar.clientIn,
      generatorKeyId: replica,
      keyIds: [otherReplica],
      grantTokens,
    });
    const { encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials({ encryptionContext }));
    expect(liar.requests.slice(before)).toEqual([
      {
        operation: 'GenerateDataKey',
        region: 'us-west-2',
        body: {
          KeyId: replica,
          NumberOfBytes: 32,
          EncryptionContext: encryptionContext,
          GrantTokens: grantTokens,
        },
      },
      {
        operation: 'Encrypt',
        region: 'ap-south-1',
        body: {
          KeyId: otherReplica,
          Plaintext: Buffer.from(dataKey).toString('base64'),
          EncryptionContext: encryptionContext,
          GrantTokens: grantTokens,
        },
      },
    ]);
    expect(encryptedDataKeys.map(({ providerInfo }) => Buffer.from(providerInfo).toString())).toEqual([
      replica,
      otherReplica,
    ]);
  });

  it.each([
    ['another key', primary.replace('mrk-1', 'mrk-2')],
    ['another account', primary.replace('111122223333', '444455556666')],
    ['another partition', primary.replace('arn:aws:', 'arn:aws-cn:')],
    ['a key of one region in another', primary.replace('mrk-', '')],
    ['an alias that looks like a multi-Region key', primary.replace('key/', 'alias/')],
    ['a bare key id', 'mrk-1234abcd12ab34cd56ef1234567890ab'],
    ['an ARN with something in front', ` ${primary}`],
    ['an ARN with something behind', `${primary}0`],
    ['no text', '\ud800'],
  ])('nothing about what %s wrapped', async (_, arn) => {
    const before = liar.requests.length;
    const keyring = awsKmsMrkKeyring({ client: liar.client, keyIds: [replica] });
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), [wrappedBy(arn)]));
    expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    expect(liar.requests).toHaveLength(before);
  });

  it('nothing, with a key that is not named by its ARN', async () => {
    const before = liar.requests.length;
    for (const keyId of ['mrk-1234abcd12ab34cd56ef1234567890ab', primary.replace('key/', 'alias/')]) {
      const keyring = awsKmsMrkKeyring({ client: liar.client, keyIds: [keyId] });
      const error = await keyringError(
        keyring.onDecrypt(decryptionMaterials(), [wrappedBy(primary), wrappedBy(keyId)]),
      );
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    }
    expect(liar.requests).toHaveLength(before);
  });

  it('for a key of one region as every AWS KMS keyring does: only under its very ARN', async () => {
    const before = liar.requests.length;
    const single = primary.replace('mrk-', '');
    const keyring = awsKmsMrkKeyring({ client: liar.client, keyIds: [single] });
    const elsewhere = single.replace('eu-north-1', 'us-west-2');
    await keyringError(keyring.onDecrypt(decryptionMaterials(), [wrappedBy(elsewhere), wrappedBy(primary)]));
    expect(liar.requests).toHaveLength(before);
  });
});

describe('a multi-Region-aware AWS KMS keyring', () => {
  it('does not believe an answer that names the related key', async () => {
    liar.answer({ KeyId: primary, Plaintext: dataKey });
    const keyring = awsKmsMrkKeyring({ client: liar.client, keyIds: [replica] });
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), [wrappedBy(primary)]));
    expect(rootCauses(error)).toMatchObject([{ code: 'KEY_SERVICE_ANSWER_INVALID' }]);
    liar.answer({ ...generated, KeyId: primary });
    const generating = awsKmsMrkKeyring({ client: liar.client, generatorKeyId: replica });
    expect(await keyringError(generating.onEncrypt(encryptionMaterials()))).toMatchObject({
      code: 'KEY_SERVICE_ANSWER_INVALID',
    });
  });

  it('opens nothing in a region without replica', async () => {
    const { encryptedDataKeys } = await keyring(related.primary).onEncrypt(encryptionMaterials());
    const missing = related.primary.replace('eu-north-1', 'ap-south-1');
    const reader = awsKmsMrkKeyring({ client: kms.clientIn, keyIds: [missing] });
    const error = await keyringError(reader.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    expect(rootCauses(error)).toMatchObject([{ name: 'NotFoundException' }]);
  });

  it('cannot be made with related keys, and names all of them', () => {
    const unrelated = primary.replace('mrk-1', 'mrk-2');
    const keyIds = [replica, unrelated, 'mrk-1234abcd12ab34cd56ef1234567890ab'];
    const make = () => awsKmsMrkKeyring({ client: liar.client, generatorKeyId: primary, keyIds });
    expect(make).toThrow(TypeError);
    for (const related of [primary, replica, 'mrk-1234']) expect(make).toThrow(related);
    expect(make).not.toThrow(unrelated);
  });

  it('takes an alias for no related key, whatever its name', () => {
    const keyIds = [replica, primary.replace('key/', 'alias/'), 'alias/mrk-1234abcd12ab34cd56ef1234567890ab'];
    expect(() => awsKmsMrkKeyring({ client: liar.client, keyIds })).not.toThrow();
  });
});

describeExamples('packages/keyrings/docs/aws-kms-mrk.md', () => ({
  ...kms.environment,
  PRIMARY_KEY_ARN: related.primary,
  REPLICA_KEY_ARN: related.replica,
}));

function acrossRegions(writer: Keyring, reader: Keyring): Keyring {
  return {
    onEncrypt: async (materials) => writer.onEncrypt(materials),
    onDecrypt: async (materials, encryptedDataKeys) => reader.onDecrypt(materials, encryptedDataKeys),
  };
}

function keyring(generatorKeyId: string, ...keyIds: readonly string[]) {
  return awsKmsMrkKeyring({ client: kms.client, generatorKeyId, keyIds });
}

function wrappedBy(arn: string): EncryptedDataKey {
  const providerInfo = arn === '\ud800' ? Uint8Array.of(0xff) : new TextEncoder().encode(arn);
  return { providerId: 'aws-kms', providerInfo, ciphertext: Uint8Array.of(1, 2, 3) };
}

function keyIdIn(body: unknown): string {
  return typeof body === 'object' && body !== null && 'KeyId' in body ? String(body.KeyId) : '';
}

const primary = 'arn:aws:kms:eu-north-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab';
const replica = primary.replace('eu-north-1', 'us-west-2');
const otherReplica = 'arn:aws:kms:ap-south-1:111122223333:key/mrk-0987dcba09fe87dc65baab0987654321';
const encryptionContext = { tenant: '42', 'Größe €': '𐐷' };
const grantTokens = ['token-1', 'token-2'];
const dataKey = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
const generated = { Plaintext: dataKey, CiphertextBlob: Uint8Array.of(1, 2, 3) };
