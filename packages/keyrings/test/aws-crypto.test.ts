import {
  buildClient,
  CommitmentPolicy,
  KMS,
  KmsKeyringNode,
  MultiKeyringNode,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node';
import { KeyringNode } from '@aws-crypto/material-management';
import { CreateKeyCommand, type KMSClient, type KMSClientConfig } from '@aws-sdk/client-kms';
import { createLocalKms, type ListeningKms } from '@holdfast/local-kms';
import { encryptionClient } from '@holdfast/sdk';
import type { Keyring } from '@holdfast/sdk/spi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { fromAwsCrypto, toAwsCrypto } from '../src/aws-crypto.ts';
import { awsKmsKeyring } from '../src/aws-kms.ts';
import { multiKeyring } from '../src/multi.ts';
import { rawAesKeyring } from '../src/raw-aes.ts';
import { describeHostileInput } from './contract/hostile-input.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import { answering, startJsonServer, unreachableUrl } from './fixtures/json-server.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, rootCauses } from './fixtures/materials.ts';
import { kmsClient, region } from './fixtures/scripted-kms.ts';

let kms: ListeningKms;
let keyArn: string;
let unreachable: string;
const clients: KMSClient[] = [];

beforeAll(async () => {
  kms = await createLocalKms({ region }).listen();
  const client = kmsClient(kms.url);
  const { KeyMetadata } = await client.send(new CreateKeyCommand({}));
  keyArn = KeyMetadata?.Arn ?? expect.unreachable();
  client.destroy();
  unreachable = await unreachableUrl();
});

afterAll(async () => {
  for (const client of clients) client.destroy();
  await kms.close();
});

describeKeyringContract('a raw AES keyring of @aws-crypto', {
  generating: () => fromAwsCrypto(theirAes(1)),
  stranger: () => fromAwsCrypto(theirAes(2)),
});

describeKeyringContract('a keyring that crossed the bridge twice', {
  generating: () => twice(ourKms(kms.url)),
  wrapping: () => twice(awsKmsKeyring({ client: clientAt(kms.url), keyIds: [keyArn] })),
  stranger: () => twice(ourAes(2)),
  outage: { keyService: 'AWS KMS', keyring: () => twice(ourKms(unreachable)) },
});

describeHostileInput('a raw AES keyring of @aws-crypto', {
  keyring: () => fromAwsCrypto(theirAes(1)),
  providerIds: ['bridge'],
  providerInfo: () =>
    Buffer.concat([Buffer.from('key'), Buffer.from('000000800000000c', 'hex'), Buffer.alloc(12, 1)]),
});

describe('a keyring of @aws-crypto in our client', () => {
  it('shares messages with our keyring of the same key', async () => {
    await expectShared(fromAwsCrypto(theirAes(1)), ourAes(1));
  });

  it('asks AWS KMS, and shares messages with our AWS KMS keyring', async () => {
    const client = kmsClient(kms.url);
    await expectShared(fromAwsCrypto(theirKms()), awsKmsKeyring({ client, generatorKeyId: keyArn }));
    client.destroy();
  });

  it('is a child of our multi-keyring', async () => {
    const keyring = multiKeyring({ generator: ourAes(1), children: [fromAwsCrypto(theirAes(2))] });
    await expectShared(keyring, fromAwsCrypto(theirAes(2)));
  });

  it('says that its key service is out', async () => {
    const gateway = await startJsonServer(() => ({ status: 200, body: {} }));
    gateway.fault(answering(502, '<html>bad gateway</html>'));
    for (const url of [unreachable, gateway.url]) {
      const keyring = fromAwsCrypto(theirKms(url));
      const error = await keyringError(keyring.onEncrypt(encryptionMaterials()));
      expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService: '@aws-crypto keyring' });
    }
    await gateway.close();
  });

  it('takes credentials that its client does not find for an outage', async () => {
    const missing = Object.assign(new Error('none'), { name: 'CredentialsProviderError' });
    const keyring = fromAwsCrypto(theirKms(kms.url, () => Promise.reject(missing)));
    const error = await keyringError(keyring.onEncrypt(encryptionMaterials()));
    expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', cause: missing });
  });

  it('says that a key service is out in both directions, where the keyring keeps the error', async () => {
    const refused = Object.assign(new Error('nobody there'), { code: 'ECONNREFUSED', syscall: 'connect' });
    const fail = async (): Promise<never> => Promise.reject(refused);
    class Unreachable extends KeyringNode {
      override _onEncrypt = fail;
      override _onDecrypt = fail;
    }
    const keyring = fromAwsCrypto(new Unreachable());
    const { encryptedDataKeys } = await ourAes(1).onEncrypt(encryptionMaterials());
    for (const failed of [
      keyring.onEncrypt(encryptionMaterials()),
      keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys),
    ]) {
      const error = await keyringError(failed);
      expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService: '@aws-crypto keyring' });
      expect(rootCauses(error)).toEqual([refused]);
    }
  });

  it('encrypts nothing with a keyring that wraps nothing', async () => {
    const keyring = fromAwsCrypto(new KmsKeyringNode({ discovery: true }));
    for (const dataKey of [undefined, new Uint8Array(32).fill(9)]) {
      const materials = { ...encryptionMaterials(), ...(dataKey && { dataKey }) };
      const error = await keyringError(keyring.onEncrypt(materials));
      expect(error).toMatchObject({ code: 'KEY_SERVICE_ANSWER_INVALID', keyService: '@aws-crypto keyring' });
    }
  });

  it('leaves the context, the encrypted data keys and the data key of its caller as they are', async () => {
    const keyring = fromAwsCrypto(theirAes(1));
    const dataKey = new Uint8Array(32).fill(9);
    const wrapped = await keyring.onEncrypt(Object.freeze({ ...encryptionMaterials(), dataKey }));
    expect(dataKey).toEqual(new Uint8Array(32).fill(9));
    const [key = expect.unreachable()] = wrapped.encryptedDataKeys;
    const before = structuredClone(key);
    await keyring.onDecrypt(decryptionMaterials(), [key]);
    expect(key).toEqual(before);
  });

  it('must be one', () => {
    // @ts-expect-error: what a program without types may do
    expect(() => fromAwsCrypto(ourAes(1))).toThrow(TypeError);
  });
});

describe('our keyring in a client of @aws-crypto', () => {
  const { encrypt, decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
  const plaintext = Buffer.from('42 anchors');
  const encryptionContext = { tenant: '42' };

  it('writes and reads messages, signed ones too, and each side opens the other’s', async () => {
    const keyring = toAwsCrypto(ourAes(1));
    const { result } = await encrypt(keyring, plaintext, { encryptionContext });
    expect((await decrypt(keyring, result)).plaintext).toEqual(plaintext);
    expect((await decrypt(theirAes(1), result)).plaintext).toEqual(plaintext);
    const opened = await encryptionClient().decrypt(result, { keyring: ourAes(1) });
    expect(Buffer.from(opened.plaintext)).toEqual(plaintext);
    const theirs = await encrypt(theirAes(1), plaintext, { encryptionContext });
    expect((await decrypt(keyring, theirs.result)).plaintext).toEqual(plaintext);
  });

  it('is generator and child of their multi-keyring', async () => {
    const keyring = new MultiKeyringNode({
      generator: toAwsCrypto(ourAes(1)),
      children: [
        theirAes(2),
        toAwsCrypto(ourAes(3)),
        toAwsCrypto(multiKeyring({ children: [ourAes(4), ourAes(5)] })),
      ],
    });
    const { result } = await encrypt(keyring, plaintext, { encryptionContext });
    for (const single of [...[1, 2, 3, 4, 5].map(theirAes), toAwsCrypto(ourAes(3)), keyring]) {
      expect((await decrypt(single, result)).plaintext).toEqual(plaintext);
    }
  });

  it('rejects with its own error where it opens nothing', async () => {
    const { result } = await encrypt(theirAes(1), plaintext);
    const error = await keyringError(decrypt(toAwsCrypto(ourAes(2)), result));
    expect(error.code).toBe('DATA_KEY_NOT_OPENED');
  });

  it.each<[string, Keyring['onEncrypt']]>([
    [
      'changes the data key',
      (materials) =>
        ourAes(2).onEncrypt({ ...materials, dataKey: new Uint8Array(materials.suite.dataKeyLength).fill(1) }),
    ],
    ['wraps nothing', async (materials) => materials],
    [
      'answers with its own encrypted data key alone',
      (materials) => ourAes(2).onEncrypt({ ...materials, encryptedDataKeys: [] }),
    ],
  ])('makes no message with a child that %s', async (_, onEncrypt) => {
    const child = toAwsCrypto({ ...ourAes(2), onEncrypt });
    for (const generator of [theirAes(1), toAwsCrypto(ourAes(1))]) {
      const keyring = new MultiKeyringNode({ generator, children: [child] });
      const error = await keyringError(encrypt(keyring, plaintext));
      expect(error.code).toBe('KEY_SERVICE_ANSWER_INVALID');
    }
  });

  it('hands on no data key of a wrong length', async () => {
    const short: Keyring = {
      onEncrypt: async (materials) => ({
        ...materials,
        dataKey: new Uint8Array(16).fill(1),
        encryptedDataKeys: [
          { providerId: 'a', providerInfo: Uint8Array.of(1), ciphertext: Uint8Array.of(1) },
        ],
      }),
      onDecrypt: async (materials) => ({ ...materials, dataKey: new Uint8Array(16).fill(1) }),
    };
    const { result } = await encrypt(theirAes(1), plaintext);
    const refusal = 'Key length does not agree';
    await expect(encrypt(toAwsCrypto(short), plaintext)).rejects.toThrow(refusal);
    await expect(decrypt(toAwsCrypto(short), result)).rejects.toThrow(refusal);
  });
});

describeExamples('packages/keyrings/docs/aws-crypto.md', () => ({
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'of no meaning here',
  AWS_ENDPOINT_URL_KMS: kms.url,
  KEY_ARN: keyArn,
}));

/** What one wrote the other opens, and the reverse. */
async function expectShared(first: Keyring, second: Keyring): Promise<void> {
  const client = encryptionClient();
  const plaintext = Buffer.from('42 anchors');
  for (const [writer, reader] of [
    [first, second],
    [second, first],
  ] as const) {
    const { message } = await client.encrypt(plaintext, {
      keyring: writer,
      encryptionContext: { tenant: '42', Größe: 'XL' },
    });
    const opened = await client.decrypt(message, { keyring: reader });
    expect(Buffer.from(opened.plaintext)).toEqual(plaintext);
  }
}

function twice(keyring: Keyring): Keyring {
  return fromAwsCrypto(toAwsCrypto(keyring));
}

function clientAt(url: string): KMSClient {
  const client = kmsClient(url);
  clients.push(client);
  return client;
}

function ourKms(url: string): Keyring {
  return awsKmsKeyring({ client: clientAt(url), generatorKeyId: keyArn });
}

function ourAes(fill: number): Keyring {
  return rawAesKeyring({ namespace: 'bridge', name: 'key', wrappingKey: new Uint8Array(32).fill(fill) });
}

function theirAes(fill: number): RawAesKeyringNode {
  return new RawAesKeyringNode({
    keyNamespace: 'bridge',
    keyName: 'key',
    unencryptedMasterKey: new Uint8Array(32).fill(fill),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
    utf8Sorting: true,
  });
}

function theirKms(
  endpoint = kms.url,
  credentials: KMSClientConfig['credentials'] = someCredentials,
): KmsKeyringNode {
  const clientProvider = () => new KMS({ region, endpoint, credentials, maxAttempts: 1 });
  // @ts-expect-error its declarations were not written with exactOptionalPropertyTypes in mind
  return new KmsKeyringNode({ clientProvider, generatorKeyId: keyArn });
}

const someCredentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'of no meaning here' };
