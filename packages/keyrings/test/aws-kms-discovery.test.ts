import { KMSClient } from '@aws-sdk/client-kms';
import type { EncryptedDataKey, Keyring } from '@holdfast/sdk/spi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { awsKmsKeyring } from '../src/aws-kms.ts';
import { type AwsKmsDiscoveryKeyringOptions, awsKmsDiscoveryKeyring } from '../src/aws-kms-discovery.ts';
import { describeHostileInput } from './contract/hostile-input.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import { type RunningKms, startLocalKms } from './fixtures/local-kms.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, rootCauses } from './fixtures/materials.ts';
import { type ScriptedKms, startScriptedKms, unreachableClient } from './fixtures/scripted-kms.ts';

let kms: RunningKms;
let otherAccount: RunningKms;
let liar: ScriptedKms;
let unreachable: KMSClient;
let unreachableInTheWest: KMSClient;
let key: string;
let strangeKey: string;

beforeAll(async () => {
  [kms, otherAccount] = await Promise.all([startLocalKms(), startLocalKms('444455556666')]);
  liar = await startScriptedKms();
  unreachable = await unreachableClient();
  unreachableInTheWest = await unreachableClient('us-west-2');
  [key, strangeKey] = await Promise.all([kms.newKey(), otherAccount.newKey()]);
});

afterAll(async () => {
  for (const client of [unreachable, unreachableInTheWest]) client.destroy();
  await Promise.all([kms.close(), otherAccount.close(), liar.close()]);
});

describeKeyringContract('an AWS KMS discovery keyring', {
  generating: () => opening({ client: kms.client }),
  stranger: () => stranger(),
  lying() {
    liar.answer({ KeyId: key, Plaintext: new Uint8Array(31).fill(1) });
    return awsKmsDiscoveryKeyring({ client: liar.client });
  },
  outage: { keyService: 'AWS KMS', keyring: () => opening({ client: unreachable }, unreachable) },
});

describeKeyringContract('an AWS KMS discovery keyring with a filter and several regions', {
  generating: () =>
    opening({
      client: kms.clientIn,
      regions: ['eu-west-1', 'eu-north-1'],
      discoveryFilter: { partition: 'aws', accountIds: ['444455556666', '111122223333'] },
    }),
  stranger: () => stranger(),
});

describeHostileInput('an AWS KMS discovery keyring', {
  keyring: () => awsKmsDiscoveryKeyring({ client: kms.client }),
  providerIds: ['aws-kms'],
  providerInfo: () => new TextEncoder().encode(key),
});

describe('an AWS KMS discovery keyring asks', () => {
  it('for the key that the message names, with context and grant tokens', async () => {
    liar.answer({ KeyId: arn, Plaintext: dataKey });
    const keyring = awsKmsDiscoveryKeyring({ client: liar.client, grantTokens });
    const opened = await keyring.onDecrypt(decryptionMaterials({ encryptionContext }), [wrappedBy(arn)]);
    expect(opened.dataKey).toEqual(dataKey);
    expect(liar.requests.at(-1)).toEqual({
      operation: 'Decrypt',
      region: 'eu-north-1',
      body: {
        KeyId: arn,
        CiphertextBlob: 'AQID',
        EncryptionContext: encryptionContext,
        GrantTokens: grantTokens,
      },
    });
  });

  it.each([
    ['an alias', arn.replace('key/', 'alias/')],
    ['a bare key id', '1234abcd-12ab-34cd-56ef-1234567890ab'],
    ['an ARN of another service', arn.replace('kms', 's3')],
    ['something in front of the ARN', `\ufeff${arn}`],
    ['a key in another region', arn.replace('eu-north-1', 'eu-west-1')],
    ['a multi-Region key in another region', arn.replace('eu-north-1', 'eu-west-1').replace('1234', 'mrk-')],
    ['another partition than the filter', arn.replace('arn:aws:', 'arn:aws-cn:')],
    ['another account than the filter', arn.replace('111122223333', '444455556666')],
    ['the beginning of an account of the filter', arn.replace('111122223333', '11112222333')],
  ])('nothing for %s', async (_, other) => {
    const discoveryFilter = { partition: 'aws', accountIds: ['111122223333', '777788889999'] };
    const keyring = awsKmsDiscoveryKeyring({ client: liar.client, discoveryFilter });
    const before = liar.requests.length;
    const strange = [wrappedBy(other), { ...wrappedBy(arn), providerId: 'aws-kms-rsa' }];
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), strange));
    expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    expect(liar.requests).toHaveLength(before);
  });

  it('in the region of the key alone, of several', async () => {
    liar.answer({ KeyId: arn, Plaintext: dataKey });
    const regions = ['us-west-2', 'eu-north-1', 'eu-west-1'];
    const keyring = awsKmsDiscoveryKeyring({ client: liar.clientIn, regions });
    const before = liar.requests.length;
    await keyring.onDecrypt(decryptionMaterials(), [wrappedBy(arn)]);
    expect(liar.requests.slice(before).map(({ region }) => region)).toEqual(['eu-north-1']);
  });

  it('in one region after the other until a data key opens', async () => {
    const west = arn.replace('eu-north-1', 'us-west-2');
    const regions = ['us-west-2', 'eu-north-1'];
    const keyring = awsKmsDiscoveryKeyring({ client: liar.clientIn, regions });
    const before = liar.requests.length;
    // What the first region answers is not believed.
    liar.answer({ KeyId: arn, Plaintext: dataKey });
    const keys = [wrappedBy(arn), wrappedBy(west)];
    const opened = await keyring.onDecrypt(decryptionMaterials(), keys);
    expect(opened.dataKey).toEqual(dataKey);
    expect(liar.requests.slice(before).map(({ region }) => region)).toEqual(regions);
  });
});

describe('an AWS KMS discovery keyring', () => {
  it('does not believe an answer from another key', async () => {
    const keyring = awsKmsDiscoveryKeyring({ client: liar.client });
    for (const KeyId of [arn.replace('1234', '4321'), arn.replace('key/', 'alias/'), '']) {
      liar.answer({ KeyId, Plaintext: dataKey });
      const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), [wrappedBy(arn)]));
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
      expect(rootCauses(error)).toMatchObject([{ code: 'KEY_SERVICE_ANSWER_INVALID' }]);
    }
  });

  it('asks on in the next region when AWS KMS is out in one, and says so if that does not open it', async () => {
    const primary = await kms.newKey();
    const writer = awsKmsKeyring({ client: kms.client, generatorKeyId: primary });
    const { dataKey, encryptedDataKeys } = await writer.onEncrypt(encryptionMaterials());
    const west = encryptedDataKeys.map((wrapped) => ({
      ...wrapped,
      providerInfo: new TextEncoder().encode(primary.replace('eu-north-1', 'us-west-2')),
    }));
    const keyring = awsKmsDiscoveryKeyring({
      client: (region) => (region === 'us-west-2' ? unreachableInTheWest : kms.clientIn(region)),
      regions: ['us-west-2', 'eu-north-1'],
    });
    const opened = await keyring.onDecrypt(decryptionMaterials(), [...west, ...encryptedDataKeys]);
    expect(opened.dataKey).toEqual(dataKey);
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), west));
    expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'AWS KMS' });
  });

  it('is out while its client cannot find out in which region it is', async () => {
    const keyring = awsKmsDiscoveryKeyring({ client: clientWithoutRegion() });
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), [wrappedBy(arn)]));
    expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'AWS KMS' });
  });

  it('needs no region to say that a message is none for it', async () => {
    const discoveryFilter = { partition: 'aws', accountIds: ['444455556666'] };
    const keyring = awsKmsDiscoveryKeyring({ client: clientWithoutRegion(), discoveryFilter });
    for (const foreign of [[], [{ ...wrappedBy(arn), providerId: 'other' }], [wrappedBy(arn)]]) {
      const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), foreign));
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    }
  });

  it('wraps nothing', async () => {
    for (const options of [
      { client: liar.client },
      { client: liar.clientIn, regions: ['eu-north-1', 'eu-west-1'] },
    ]) {
      const keyring = awsKmsDiscoveryKeyring(options);
      const before = liar.requests.length;
      await expect(keyring.onEncrypt(encryptionMaterials())).rejects.toThrow(TypeError);
      await expect(keyring.onEncrypt({ ...encryptionMaterials(), dataKey })).rejects.toThrow(TypeError);
      expect(liar.requests).toHaveLength(before);
    }
  });

  it('cannot be made without region, or with one twice', () => {
    for (const regions of [[], [''], ['eu-north-1', 'eu-north-1']]) {
      expect(() => awsKmsDiscoveryKeyring({ client: liar.clientIn, regions })).toThrow(TypeError);
    }
    for (const wrong of [{ client: liar.client, regions: ['eu-north-1'] }, { client: liar.clientIn }, {}]) {
      // @ts-expect-error what JavaScript lets through
      expect(() => awsKmsDiscoveryKeyring(wrong)).toThrow(TypeError);
    }
  });

  it('cannot be made with a filter that nothing passes', () => {
    for (const discoveryFilter of [
      { partition: '', accountIds: ['111122223333'] },
      { partition: 'aws', accountIds: [] },
      { partition: 'aws', accountIds: ['111122223333', ''] },
    ]) {
      expect(() => awsKmsDiscoveryKeyring({ client: liar.client, discoveryFilter })).toThrow(TypeError);
    }
  });

  it('is not changed by what becomes of its options', async () => {
    const accountIds = ['111122223333'];
    const keyring = awsKmsDiscoveryKeyring({
      client: liar.client,
      discoveryFilter: { partition: 'aws', accountIds },
    });
    accountIds[0] = '444455556666';
    liar.answer({ KeyId: arn, Plaintext: dataKey });
    expect((await keyring.onDecrypt(decryptionMaterials(), [wrappedBy(arn)])).dataKey).toEqual(dataKey);
  });
});

describeExamples('packages/keyrings/docs/aws-kms-discovery.md', () => ({ ...kms.environment, KEY_ARN: key }));

/** Encrypts as a strict keyring would, and leaves the way back to the discovery keyring. */
function opening(options: AwsKmsDiscoveryKeyringOptions, client = kms.client): Keyring {
  const strict = awsKmsKeyring({ client, keyIds: [key] });
  const generating = awsKmsKeyring({ client, generatorKeyId: key });
  const discovery = awsKmsDiscoveryKeyring(options);
  return {
    onEncrypt: async (materials) => (materials.dataKey ? strict : generating).onEncrypt(materials),
    onDecrypt: async (materials, keys) => discovery.onDecrypt(materials, keys),
  };
}

function clientWithoutRegion(): KMSClient {
  return new KMSClient({ region: () => Promise.reject<string>(new Error('no region')) });
}

function stranger(): Keyring {
  return awsKmsKeyring({ client: otherAccount.client, generatorKeyId: strangeKey });
}

function wrappedBy(keyArn: string): EncryptedDataKey {
  const providerInfo = new TextEncoder().encode(keyArn);
  return { providerId: 'aws-kms', providerInfo, ciphertext: Uint8Array.of(1, 2, 3) };
}

const arn = 'arn:aws:kms:eu-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const encryptionContext = { tenant: '42', 'Größe €': '𐐷' };
const grantTokens = ['token-1', 'token-2'];
const dataKey = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
