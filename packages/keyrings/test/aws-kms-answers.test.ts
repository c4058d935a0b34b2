import type { EncryptedDataKey } from '@holdfast/sdk/spi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { awsKmsKeyring } from '../src/aws-kms.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, rootCauses } from './fixtures/materials.ts';
import { region, type ScriptedKms, startScriptedKms } from './fixtures/scripted-kms.ts';

let kms: ScriptedKms;

beforeAll(async () => {
  kms = await startScriptedKms();
});

afterAll(async () => {
  await kms.close();
});

describe('an AWS KMS keyring asks', () => {
  it('for a data key of the suite’s length, for its key, context and grant tokens', async () => {
    kms.answer(generated);
    const keyring = awsKmsKeyring({ client: kms.client, generatorKeyId: 'alias/orders', grantTokens });
    await keyring.onEncrypt(encryptionMaterials({ encryptionContext }));
    expect(kms.requests.at(-1)).toEqual({
      operation: 'GenerateDataKey',
      region,
      body: {
        KeyId: 'alias/orders',
        NumberOfBytes: 32,
        EncryptionContext: encryptionContext,
        GrantTokens: grantTokens,
      },
    });
  });

  it('a child key to wrap the data key, with the same context and grant tokens', async () => {
    kms.answer(wrapped);
    const keyring = awsKmsKeyring({ client: kms.client, keyIds: ['alias/orders'], grantTokens });
    await keyring.onEncrypt({ ...encryptionMaterials({ encryptionContext }), dataKey });
    expect(kms.requests.at(-1)).toEqual({
      operation: 'Encrypt',
      region,
      body: {
        KeyId: 'alias/orders',
        Plaintext: Buffer.from(dataKey).toString('base64'),
        EncryptionContext: encryptionContext,
        GrantTokens: grantTokens,
      },
    });
  });

  it('to open a data key with the key it was configured with, never with whichever fits', async () => {
    kms.answer(opened);
    const keyring = awsKmsKeyring({ client: kms.client, keyIds: [keyArn], grantTokens });
    await keyring.onDecrypt(decryptionMaterials({ encryptionContext }), [encryptedDataKey]);
    expect(kms.requests.at(-1)).toEqual({
      operation: 'Decrypt',
      region,
      body: {
        KeyId: keyArn,
        CiphertextBlob: Buffer.from(ciphertext).toString('base64'),
        EncryptionContext: encryptionContext,
        GrantTokens: grantTokens,
      },
    });
  });

  it('for no further data key once one is open', async () => {
    kms.answer(opened);
    const before = kms.requests.length;
    const keyring = awsKmsKeyring({ client: kms.client, keyIds: [keyArn] });
    await keyring.onDecrypt(decryptionMaterials(), [encryptedDataKey, encryptedDataKey]);
    expect(kms.requests).toHaveLength(before + 1);
  });
});

describe('an AWS KMS keyring asks nothing', () => {
  it('about an encrypted data key that is not its own', async () => {
    const before = kms.requests.length;
    const keyring = awsKmsKeyring({ client: kms.client, keyIds: [keyArn] });
    const strange = [
      { ...encryptedDataKey, providerId: 'aws-kms-rsa' },
      { ...encryptedDataKey, providerInfo: utf8(otherKeyArn) },
    ];
    await keyringError(keyring.onDecrypt(decryptionMaterials(), strange));
    expect(kms.requests).toHaveLength(before);
  });

  it('for a context with a pair that its client may leave out', async () => {
    kms.answer(generated);
    const before = kms.requests.length;
    const context = { encryptionContext: { ['__proto__']: 'a', b: 'c' } };
    const generating = awsKmsKeyring({ client: kms.client, generatorKeyId: keyArn });
    await expect(generating.onEncrypt(encryptionMaterials(context))).rejects.toThrow(TypeError);
    const wrapping = awsKmsKeyring({ client: kms.client, keyIds: [keyArn] });
    const given = { ...encryptionMaterials(context), dataKey };
    await expect(wrapping.onEncrypt(given)).rejects.toThrow(TypeError);
    const error = await keyringError(wrapping.onDecrypt(decryptionMaterials(context), [encryptedDataKey]));
    expect(rootCauses(error)).toEqual([expect.any(TypeError)]);
    expect(kms.requests).toHaveLength(before);
  });
});

describe('an AWS KMS keyring does not believe', () => {
  const generator = () => awsKmsKeyring({ client: kms.client, generatorKeyId: keyArn });
  const child = () => awsKmsKeyring({ client: kms.client, keyIds: [keyArn] });

  for (const [flaw, answer] of Object.entries({
    'with an alias for a key ARN': { ...generated, KeyId: aliasArn },
    'with a bare key id': { ...generated, KeyId: '1234abcd-12ab-34cd-56ef-1234567890ab' },
    'without key ARN': without(generated, 'KeyId'),
    'without ciphertext': without(generated, 'CiphertextBlob'),
    'with an empty ciphertext': { ...generated, CiphertextBlob: new Uint8Array(0) },
    'with a number for a key ARN': { ...generated, KeyId: 5 },
    'with a number for a ciphertext': { ...generated, CiphertextBlob: 5 },
    'with a number for a plaintext': { ...generated, Plaintext: 5 },
    'without plaintext': without(generated, 'Plaintext'),
    'with a data key that is too short': { ...generated, Plaintext: dataKey.subarray(1) },
    'with a data key that is too long': { ...generated, Plaintext: Uint8Array.of(...dataKey, 0) },
  })) {
    it(`an answer to GenerateDataKey ${flaw}`, async () => {
      kms.answer(answer);
      const error = await keyringError(generator().onEncrypt(encryptionMaterials()));
      expect(error.code).toBe('KEY_SERVICE_ANSWER_INVALID');
    });
  }

  for (const [flaw, answer] of Object.entries({
    'with an alias for a key ARN': { ...wrapped, KeyId: aliasArn },
    'without key ARN': without(wrapped, 'KeyId'),
    'without ciphertext': without(wrapped, 'CiphertextBlob'),
    'with an empty ciphertext': { ...wrapped, CiphertextBlob: new Uint8Array(0) },
    'with a number for a ciphertext': { ...wrapped, CiphertextBlob: 5 },
  })) {
    it(`an answer to Encrypt ${flaw}`, async () => {
      kms.answer(answer);
      const error = await keyringError(child().onEncrypt({ ...encryptionMaterials(), dataKey }));
      expect(error.code).toBe('KEY_SERVICE_ANSWER_INVALID');
    });
  }

  it('an answer from another key than the one that an ARN, a key id or the place of an alias tells of', async () => {
    const elsewhere = [
      ['aws:', 'aws-cn:'],
      ['eu-north-1', 'eu-west-1'],
      ['111122223333', '444455556666'],
    ] as const;
    const notThere = elsewhere.map(([here, there]) => keyArn.replace(here, there));
    for (const [keyId, others] of [
      [keyArn, [otherKeyArn, ...notThere]],
      [keyArn.replace(/.*\//, ''), [otherKeyArn]],
      [aliasArn, notThere],
    ] as const) {
      const ofKey = { client: kms.client, grantTokens };
      for (const KeyId of others) {
        kms.answer({ ...generated, KeyId });
        const generating = awsKmsKeyring({ ...ofKey, generatorKeyId: keyId });
        const wrapping = awsKmsKeyring({ ...ofKey, keyIds: [keyId] });
        for (const encrypting of [
          generating.onEncrypt(encryptionMaterials()),
          wrapping.onEncrypt({ ...encryptionMaterials(), dataKey }),
        ]) {
          expect((await keyringError(encrypting)).code).toBe('KEY_SERVICE_ANSWER_INVALID');
        }
      }
      kms.answer(generated);
      const { encryptedDataKeys } = await awsKmsKeyring({ ...ofKey, generatorKeyId: keyId }).onEncrypt(
        encryptionMaterials(),
      );
      expect(encryptedDataKeys).toEqual([encryptedDataKey]);
    }
  });

  for (const [flaw, answer] of Object.entries({
    'with another key ARN': { ...opened, KeyId: otherKeyArn },
    'with an alias for the key': { ...opened, KeyId: aliasArn },
    'without key ARN': without(opened, 'KeyId'),
    'without plaintext': without(opened, 'Plaintext'),
    'with a number for a plaintext': { ...opened, Plaintext: 5 },
    'with a data key that is too short': { ...opened, Plaintext: dataKey.subarray(1) },
    'with a data key that is too long': { ...opened, Plaintext: Uint8Array.of(...dataKey, 0) },
  })) {
    it(`an answer to Decrypt ${flaw}`, async () => {
      kms.answer(answer);
      const error = await keyringError(child().onDecrypt(decryptionMaterials(), [encryptedDataKey]));
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
      expect(rootCauses(error)).toMatchObject([{ code: 'KEY_SERVICE_ANSWER_INVALID' }]);
    });
  }
});

function without(
  answer: Readonly<Record<string, string | Uint8Array>>,
  name: string,
): Record<string, string | Uint8Array> {
  return Object.fromEntries(Object.entries(answer).filter(([key]) => key !== name));
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

const keyArn = `arn:aws:kms:${region}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab`;
const otherKeyArn = `arn:aws:kms:${region}:111122223333:key/0987dcba-09fe-87dc-65ba-ab0987654321`;
const aliasArn = `arn:aws:kms:${region}:111122223333:alias/orders`;
const encryptionContext = { tenant: '42', 'Größe €': '𐐷' };
const grantTokens = ['token-1', 'token-2'];
const dataKey = Uint8Array.from({ length: 32 }, (_, i) => i);
const ciphertext = Uint8Array.of(1, 2, 3);
const generated = { KeyId: keyArn, Plaintext: dataKey, CiphertextBlob: ciphertext };
const wrapped = { KeyId: keyArn, CiphertextBlob: ciphertext };
const opened = { KeyId: keyArn, Plaintext: dataKey };
const encryptedDataKey: EncryptedDataKey = { providerId: 'aws-kms', providerInfo: utf8(keyArn), ciphertext };
