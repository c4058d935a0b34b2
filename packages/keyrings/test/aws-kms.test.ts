import { inspect } from 'node:util';
import {
  CreateAliasCommand,
  DisableKeyCommand,
  type KMSClient,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import type { EncryptedDataKey } from '@holdfast/sdk/spi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { awsKmsKeyring } from '../src/aws-kms.ts';
import { multiKeyring } from '../src/multi.ts';
import { rawAesKeyring } from '../src/raw-aes.ts';
import { describeHostileInput } from './contract/hostile-input.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import { type RunningKms, startLocalKms } from './fixtures/local-kms.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, rootCauses } from './fixtures/materials.ts';
import { region, type ScriptedKms, startScriptedKms, unreachableClient } from './fixtures/scripted-kms.ts';

let kms: RunningKms;
let liar: ScriptedKms;
let client: KMSClient;
let unreachable: KMSClient;
let keys: { readonly first: string; readonly second: string; readonly third: string };

beforeAll(async () => {
  kms = await startLocalKms();
  client = kms.client;
  liar = await startScriptedKms();
  unreachable = await unreachableClient();
  keys = { first: await kms.newKey(), second: await kms.newKey(), third: await kms.newKey() };
});

afterAll(async () => {
  unreachable.destroy();
  await liar.close();
  await kms.close();
});

describeKeyringContract('an AWS KMS keyring with one key', {
  generating: () => awsKmsKeyring({ client, generatorKeyId: keys.first }),
  wrapping: () => awsKmsKeyring({ client, keyIds: [keys.first] }),
  stranger: () => awsKmsKeyring({ client, generatorKeyId: keys.second }),
  similar: () =>
    [`${keys.first}0`, keys.first.slice(0, -1)].map((keyArn) => awsKmsKeyring({ client, keyIds: [keyArn] })),
  lying() {
    liar.answer({ KeyId: keys.first, Plaintext: new Uint8Array(31).fill(1) });
    return awsKmsKeyring({ client: liar.client, keyIds: [keys.first] });
  },
  outage: {
    keyService: 'AWS KMS',
    keyring: () => awsKmsKeyring({ client: unreachable, generatorKeyId: keys.first }),
  },
});

describeHostileInput('an AWS KMS keyring', {
  keyring: () => awsKmsKeyring({ client, generatorKeyId: keys.first }),
  providerIds: ['aws-kms'],
  providerInfo: () => utf8(keys.first),
});

describeKeyringContract('an AWS KMS keyring with a generator and a child', {
  generating: () => awsKmsKeyring({ client, generatorKeyId: keys.first, keyIds: [keys.second] }),
  wrapping: () => awsKmsKeyring({ client, keyIds: [keys.first, keys.second] }),
  stranger: () => awsKmsKeyring({ client, generatorKeyId: keys.third }),
});

describe('an AWS KMS keyring', () => {
  it('names the key in the message by its ARN, however it was named to the keyring', async () => {
    const alias = 'alias/orders';
    await client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: keys.first }));
    const aliasArn = keys.first.replace(/key\/.*/, alias);
    const keyId = keys.first.replace(/.*\//, '');
    for (const generatorKeyId of [alias, aliasArn, keyId]) {
      const keyring = awsKmsKeyring({ client, generatorKeyId });
      const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
      expect(encryptedDataKeys.map(({ providerId }) => providerId)).toEqual(['aws-kms']);
      expect(keyArns(encryptedDataKeys)).toEqual([keys.first]);
      const byArn = awsKmsKeyring({ client, keyIds: [keys.first] });
      expect((await byArn.onDecrypt(decryptionMaterials(), encryptedDataKeys)).dataKey).toEqual(dataKey);
      // The specification lets only an ARN decrypt: what an alias means may change.
      const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys));
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
      expect(inspect(error)).toContain('not named by its ARN only encrypts');
    }
  });

  it('wraps the data key with each of its keys, and opens it with any one of them', async () => {
    const keyring = awsKmsKeyring({ client, generatorKeyId: keys.first, keyIds: [keys.second, keys.third] });
    const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
    expect(keyArns(encryptedDataKeys)).toEqual([keys.first, keys.second, keys.third]);
    for (const keyArn of Object.values(keys)) {
      const one = awsKmsKeyring({ client, keyIds: [keyArn] });
      expect((await one.onDecrypt(decryptionMaterials(), encryptedDataKeys)).dataKey).toEqual(dataKey);
    }
  });

  it('stands as the child of a raw AES keyring', async () => {
    const generator = rawAesKeyring({ namespace: 'a', name: 'b', wrappingKey: new Uint8Array(32).fill(1) });
    const child = awsKmsKeyring({ client, keyIds: [keys.first] });
    const both = multiKeyring({ generator, children: [child] });
    const { dataKey, encryptedDataKeys } = await both.onEncrypt(encryptionMaterials());
    expect((await child.onDecrypt(decryptionMaterials(), encryptedDataKeys)).dataKey).toEqual(dataKey);
  });

  it('never lets a message choose the key', async () => {
    const stranger = awsKmsKeyring({ client, generatorKeyId: keys.second });
    const { encryptedDataKeys } = await stranger.onEncrypt(encryptionMaterials());
    const renamed = encryptedDataKeys.map((key) => ({ ...key, providerInfo: utf8(keys.first) }));
    const keyring = awsKmsKeyring({ client, generatorKeyId: keys.first });
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), renamed));
    expect(rootCauses(error)).toMatchObject([{ name: 'IncorrectKeyException' }]);
  });

  it('takes an ARN for its own only byte by byte, and passes over what is none', async () => {
    const keyring = awsKmsKeyring({ client, generatorKeyId: keys.first });
    const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
    const aliasArn = keys.first.replace('key/', 'alias/');
    for (const text of [`\ufeff${keys.first}`, `${keys.first} `, keys.first.toUpperCase(), aliasArn, '']) {
      const renamed = encryptedDataKeys.map((key) => ({ ...key, providerInfo: utf8(text) }));
      const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), renamed));
      expect(rootCauses(error)).toEqual([]);
      const opened = await keyring.onDecrypt(decryptionMaterials(), [...renamed, ...encryptedDataKeys]);
      expect(opened.dataKey).toEqual(dataKey);
    }
  });

  it('keeps the answer of a KMS that refuses as the cause', async () => {
    const keyArn = await kms.newKey();
    const generating = awsKmsKeyring({ client, generatorKeyId: keyArn });
    const { encryptedDataKeys } = await generating.onEncrypt(encryptionMaterials());
    await client.send(new DisableKeyCommand({ KeyId: keyArn }));
    const refused = { code: 'KEY_SERVICE_REFUSED', cause: { name: 'DisabledException' } };

    expect(await keyringError(generating.onEncrypt(encryptionMaterials()))).toMatchObject(refused);
    const wrapping = awsKmsKeyring({ client, generatorKeyId: keys.first, keyIds: [keyArn] });
    expect(await keyringError(wrapping.onEncrypt(encryptionMaterials()))).toMatchObject(refused);
    const opening = await keyringError(generating.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(opening.code).toBe('DATA_KEY_NOT_OPENED');
    expect(rootCauses(opening)).toMatchObject([{ name: 'DisabledException' }]);
    expect(inspect(opening)).toContain('AggregateError: tried 1: AWS KMS refused: DisabledException');
  });

  it('says that AWS KMS is out while the state of a key, or an external key store, lets it do nothing', async () => {
    const keyArn = await kms.newKey();
    const keyring = awsKmsKeyring({ client, generatorKeyId: keyArn });
    const { encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
    await client.send(new ScheduleKeyDeletionCommand({ KeyId: keyArn }));
    const out = { code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'AWS KMS' };

    const encrypting = await keyringError(keyring.onEncrypt(encryptionMaterials()));
    expect(encrypting).toMatchObject({ ...out, cause: { name: 'KMSInvalidStateException' } });
    const decrypting = await keyringError(keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(decrypting).toMatchObject(out);
  });

  it('keeps the failure of a connection as the cause', async () => {
    const keyring = awsKmsKeyring({ client: unreachable, generatorKeyId: keys.first });
    const error = await keyringError(keyring.onEncrypt(encryptionMaterials()));
    expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', cause: { code: 'ECONNREFUSED' } });
  });

  it('asks in the region of each key, of a client that is made once for each region', async () => {
    const asked: string[] = [];
    const clientOf = (clientRegion: string): KMSClient => {
      asked.push(clientRegion);
      return liar.clientIn(clientRegion);
    };
    const abroad = keys.second.replace(region, 'us-west-2');
    const keyIds = [abroad, keys.third, abroad.replace(/key.*/, 'alias/orders')];
    const keyring = awsKmsKeyring({ client: clientOf, generatorKeyId: keys.first, keyIds });
    expect(asked).toEqual([region, 'us-west-2']);

    const Plaintext = new Uint8Array(32).fill(1);
    const CiphertextBlob = Uint8Array.of(1);
    const ids = [keys.first, abroad, keys.third, abroad];
    liar.answer(() => ({ KeyId: ids.shift() ?? '', Plaintext, CiphertextBlob }));
    const before = liar.requests.length;
    await keyring.onEncrypt(encryptionMaterials());
    const regions = liar.requests.slice(before).map((request) => request.region);
    expect(regions).toEqual([region, 'us-west-2', region, 'us-west-2']);
  });

  it('cannot be made of key ids without region where clients go by region', () => {
    for (const generatorKeyId of ['alias/orders', keys.first.replace(/.*\//, '')]) {
      expect(() => awsKmsKeyring({ client: () => client, generatorKeyId })).toThrow(TypeError);
    }
  });

  it('cannot be made of something else than a client', () => {
    for (const client of [{}, () => ({})]) {
      // @ts-expect-error what JavaScript lets through
      expect(() => awsKmsKeyring({ client, generatorKeyId: keys.first })).toThrow(TypeError);
    }
  });

  it('takes ten grant tokens at most', () => {
    const tokens = (length: number) => Array.from({ length }, (_, i) => `token-${i}`);
    const keyring = (grantTokens: readonly string[]) =>
      awsKmsKeyring({ client, generatorKeyId: keys.first, grantTokens });
    expect(() => keyring(tokens(10))).not.toThrow();
    expect(() => keyring(tokens(11))).toThrow(RangeError);
    expect(() => keyring([''])).toThrow(TypeError);
  });

  it('cannot be made with a malformed key id, a key twice, or no key', () => {
    const { first } = keys;
    for (const wrong of [
      {},
      { keyIds: [] },
      { generatorKeyId: '' },
      { generatorKeyId: 'arn:aws:kms:eu-north-1:111122223333:grant/1' },
      { generatorKeyId: first, keyIds: ['key/1'] },
      { generatorKeyId: first, keyIds: [first] },
      { keyIds: [first, first] },
    ]) {
      expect(() => awsKmsKeyring({ client, ...wrong })).toThrow(TypeError);
    }
  });
});

describeExamples('packages/keyrings/docs/aws-kms.md', () => ({
  ...kms.environment,
  KEY_ARN: keys.first,
  BACKUP_KEY_ARN: keys.second,
}));

function keyArns(encryptedDataKeys: readonly EncryptedDataKey[]): string[] {
  return encryptedDataKeys.map(({ providerInfo }) => Buffer.from(providerInfo).toString());
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
