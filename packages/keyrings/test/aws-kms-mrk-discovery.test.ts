import type { KMSClient } from '@aws-sdk/client-kms';
import type { EncryptedDataKey, Keyring } from '@holdfast/sdk/spi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { awsKmsKeyring } from '../src/aws-kms.ts';
import { awsKmsMrkDiscoveryKeyring } from '../src/aws-kms-mrk-discovery.ts';
import { describeHostileInput } from './contract/hostile-input.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import { type RunningKms, startLocalKms } from './fixtures/local-kms.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, rootCauses } from './fixtures/materials.ts';
import { type ScriptedKms, startScriptedKms, unreachableClient } from './fixtures/scripted-kms.ts';

let kms: RunningKms;
let otherAccount: RunningKms;
let liar: ScriptedKms;
let unreachable: KMSClient;
let key: string;
let primary: string;
let strangeKey: string;

beforeAll(async () => {
  [kms, otherAccount] = await Promise.all([startLocalKms(), startLocalKms('444455556666')]);
  liar = await startScriptedKms();
  unreachable = await unreachableClient();
  [key, strangeKey] = await Promise.all([kms.newKey(), otherAccount.newKey()]);
  primary = await kms.newKey({ MultiRegion: true });
  await kms.replicate(primary, 'us-west-2');
});

afterAll(async () => {
  unreachable.destroy();
  await Promise.all([kms.close(), otherAccount.close(), liar.close()]);
});

describeKeyringContract('a multi-Region-aware AWS KMS discovery keyring in another region', {
  generating: () => opening(primary, 'us-west-2'),
  stranger: () => awsKmsKeyring({ client: otherAccount.client, generatorKeyId: strangeKey }),
});

describeKeyringContract('a multi-Region-aware AWS KMS discovery keyring', {
  generating: () => opening(key),
  stranger: () => awsKmsKeyring({ client: otherAccount.client, generatorKeyId: strangeKey }),
  lying() {
    liar.answer({ KeyId: key, Plaintext: new Uint8Array(31).fill(1) });
    return awsKmsMrkDiscoveryKeyring({ client: liar.client });
  },
  outage: {
    keyService: 'AWS KMS',
    keyring() {
      const writer = awsKmsKeyring({ client: unreachable, generatorKeyId: key });
      const reader = awsKmsMrkDiscoveryKeyring({ client: unreachable });
      return { ...reader, onEncrypt: async (materials) => writer.onEncrypt(materials) };
    },
  },
});

describeHostileInput('a multi-Region-aware AWS KMS discovery keyring', {
  keyring: () => awsKmsMrkDiscoveryKeyring({ client: kms.client }),
  providerIds: ['aws-kms'],
  providerInfo: () => new TextEncoder().encode(key),
});

describe('a multi-Region-aware AWS KMS discovery keyring asks', () => {
  it('in its own region for the replica of a key of another region', async () => {
    const replica = multiRegion.replace('eu-north-1', 'us-west-2');
    liar.answer({ KeyId: replica, Plaintext: dataKey });
    const keyring = awsKmsMrkDiscoveryKeyring({ client: liar.clientIn('us-west-2'), grantTokens });
    const materials = decryptionMaterials({ encryptionContext });
    const opened = await keyring.onDecrypt(materials, [wrappedBy(multiRegion)]);
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

  it.each([
    ['a key of one region in another', singleRegion.replace('eu-north-1', 'us-west-2')],
    ['an alias that looks like a multi-Region key', multiRegion.replace('key/', 'alias/')],
    ['another partition than the filter', multiRegion.replace('arn:aws:', 'arn:aws-cn:')],
    ['another account than the filter', multiRegion.replace('111122223333', '444455556666')],
  ])('nothing for %s', async (_, arn) => {
    const discoveryFilter = { partition: 'aws', accountIds: ['111122223333'] };
    const keyring = awsKmsMrkDiscoveryKeyring({ client: liar.client, discoveryFilter });
    const before = liar.requests.length;
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), [wrappedBy(arn)]));
    expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    expect(liar.requests).toHaveLength(before);
  });

  it('in every region for a multi-Region key, and in its own for a key of one region', async () => {
    const regions = ['us-west-2', 'eu-north-1', 'eu-west-1'];
    const keyring = awsKmsMrkDiscoveryKeyring({ client: liar.clientIn, regions });
    const asked = async (arn: string): Promise<string[]> => {
      const before = liar.requests.length;
      liar.answer({ KeyId: 'another', Plaintext: dataKey });
      await keyringError(keyring.onDecrypt(decryptionMaterials(), [wrappedBy(arn)]));
      return liar.requests.slice(before).map(({ region }) => region);
    };
    expect(await asked(multiRegion)).toEqual(regions);
    expect(await asked(singleRegion)).toEqual(['eu-north-1']);
  });
});

describe('a multi-Region-aware AWS KMS discovery keyring', () => {
  it('does not believe an answer that names the key in the message instead of its replica', async () => {
    liar.answer({ KeyId: multiRegion, Plaintext: dataKey });
    const keyring = awsKmsMrkDiscoveryKeyring({ client: liar.clientIn('us-west-2') });
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), [wrappedBy(multiRegion)]));
    expect(rootCauses(error)).toMatchObject([{ code: 'KEY_SERVICE_ANSWER_INVALID' }]);
  });

  it('goes on where there is a replica, from a region where there is none', async () => {
    const { dataKey, encryptedDataKeys } = await opening(primary).onEncrypt(encryptionMaterials());
    const regions = ['ap-south-1', 'us-west-2'];
    const keyring = awsKmsMrkDiscoveryKeyring({ client: kms.clientIn, regions });
    expect((await keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys)).dataKey).toEqual(dataKey);
    const nowhere = awsKmsMrkDiscoveryKeyring({ client: kms.clientIn('ap-south-1') });
    const error = await keyringError(nowhere.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(rootCauses(error)).toMatchObject([{ name: 'NotFoundException' }]);
  });

  it('wraps nothing', async () => {
    const keyring = awsKmsMrkDiscoveryKeyring({ client: liar.client });
    await expect(keyring.onEncrypt(encryptionMaterials())).rejects.toThrow(TypeError);
    await expect(keyring.onEncrypt({ ...encryptionMaterials(), dataKey })).rejects.toThrow(TypeError);
  });
});

describeExamples('packages/keyrings/docs/aws-kms-mrk-discovery.md', () => ({
  ...kms.environment,
  PRIMARY_KEY_ARN: primary,
}));

/** Encrypts as a strict keyring would, and leaves the way back to the discovery keyring. */
function opening(keyArn: string, region?: string): Keyring {
  const strict = awsKmsKeyring({ client: kms.client, keyIds: [keyArn] });
  const generating = awsKmsKeyring({ client: kms.client, generatorKeyId: keyArn });
  const discovery = awsKmsMrkDiscoveryKeyring({ client: region ? kms.clientIn(region) : kms.client });
  return {
    onEncrypt: async (materials) => (materials.dataKey ? strict : generating).onEncrypt(materials),
    onDecrypt: async (materials, keys) => discovery.onDecrypt(materials, keys),
  };
}

function wrappedBy(keyArn: string): EncryptedDataKey {
  const providerInfo = new TextEncoder().encode(keyArn);
  return { providerId: 'aws-kms', providerInfo, ciphertext: Uint8Array.of(1, 2, 3) };
}

const multiRegion = 'arn:aws:kms:eu-north-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab';
const singleRegion = 'arn:aws:kms:eu-north-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const encryptionContext = { tenant: '42', 'Größe €': '𐐷' };
const grantTokens = ['token-1', 'token-2'];
const dataKey = Uint8Array.from({ length: 32 }, (_, i) => i + 1);
