import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
} from 'node:crypto';
import { promisify } from 'node:util';
import { GetPublicKeyCommand, type KMSClient } from '@aws-sdk/client-kms';
import { contextBytes, type EncryptedDataKey, type Keyring } from '@holdfast/sdk/spi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { type AwsKmsRsaKeyringOptions, awsKmsRsaKeyring } from '../src/aws-kms-rsa.ts';
import { describeHostileInput } from './contract/hostile-input.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import { type RunningKms, startLocalKms } from './fixtures/local-kms.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, rootCauses } from './fixtures/materials.ts';
import { type ScriptedKms, startScriptedKms, unreachableClient } from './fixtures/scripted-kms.ts';

const algorithms = ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] as const;
let kms: RunningKms;
let liar: ScriptedKms;
let unreachable: KMSClient;
let own: { readonly keyArn: string; readonly publicKey: Uint8Array };
let strange: { readonly keyArn: string; readonly publicKey: Uint8Array };

beforeAll(async () => {
  kms = await startLocalKms();
  liar = await startScriptedKms();
  unreachable = await unreachableClient();
  [own, strange] = await Promise.all([newRsaKey(), newRsaKey()]);
});

afterAll(async () => {
  unreachable.destroy();
  await Promise.all([kms.close(), liar.close()]);
});

for (const encryptionAlgorithm of algorithms) {
  describeKeyringContract(`an AWS KMS RSA keyring with ${encryptionAlgorithm}`, {
    takesSignatures: false,
    generating: () => rsa({ encryptionAlgorithm }),
    stranger: () => rsa({ ...strange, encryptionAlgorithm }),
    similar: () =>
      [`${own.keyArn}0`, own.keyArn.slice(0, -1)].map((keyArn) => rsa({ keyArn, encryptionAlgorithm })),
    lying() {
      liar.answer({ KeyId: own.keyArn, Plaintext: new Uint8Array(48 + 31).fill(1) });
      return rsa({ client: liar.client, encryptionAlgorithm });
    },
  });
}

describeHostileInput('an AWS KMS RSA keyring', {
  keyring: () => rsa(),
  providerIds: ['aws-kms-rsa'],
  providerInfo: () => new TextEncoder().encode(own.keyArn),
});

describe('an AWS KMS RSA keyring', () => {
  it.each(algorithms)('wraps digest and data key without a call, with %s', async (encryptionAlgorithm) => {
    const keyring = rsa({ client: unreachable, publicKey: pair.publicKey, encryptionAlgorithm });
    const materials = encryptionMaterials();
    const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(materials);
    const { providerId, providerInfo, ciphertext } = only(encryptedDataKeys);
    expect(providerId).toBe('aws-kms-rsa');
    expect(Buffer.from(providerInfo).toString()).toBe(own.keyArn);
    const oaepHash = encryptionAlgorithm === 'RSAES_OAEP_SHA_1' ? 'sha1' : 'sha256';
    const plaintext = privateDecrypt({ key: pair.privateKey, oaepHash, padding }, ciphertext);
    expect(plaintext).toEqual(
      Buffer.concat([digestOf(materials.encryptionContext), dataKey ?? Buffer.alloc(0)]),
    );
  });

  it('asks AWS KMS to open a data key with its key and algorithm, without the encryption context', async () => {
    const keyring = rsa({ client: liar.client, grantTokens: ['token-1', 'token-2'] });
    const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(
      encryptionMaterials({ encryptionContext }),
    );
    const Plaintext = Buffer.concat([digestOf(encryptionContext), dataKey ?? Buffer.alloc(0)]);
    liar.answer({ KeyId: own.keyArn, Plaintext });
    const opened = await keyring.onDecrypt(decryptionMaterials({ encryptionContext }), encryptedDataKeys);
    expect(opened.dataKey).toEqual(dataKey);
    expect(liar.requests.at(-1)).toEqual({
      operation: 'Decrypt',
      region: 'eu-north-1',
      body: {
        KeyId: own.keyArn,
        CiphertextBlob: Buffer.from(only(encryptedDataKeys).ciphertext).toString('base64'),
        EncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
        GrantTokens: ['token-1', 'token-2'],
      },
    });
  });

  it('asks nothing about what another kind of keyring wrapped under its ARN', async () => {
    const { encryptedDataKeys } = await rsa().onEncrypt(encryptionMaterials());
    const others = ['aws-kms', 'aws-kms-ecdh'].map((providerId) => ({
      ...only(encryptedDataKeys),
      providerId,
    }));
    const before = liar.requests.length;
    const error = await keyringError(rsa({ client: liar.client }).onDecrypt(decryptionMaterials(), others));
    expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    expect(liar.requests).toHaveLength(before);
  });

  it('passes over a provider info that is no ARN of a key', async () => {
    const { dataKey, encryptedDataKeys } = await rsa().onEncrypt(encryptionMaterials());
    const strange = [own.keyArn.replace('key/', 'alias/'), `${own.keyArn} `, ''].map((text) => ({
      ...only(encryptedDataKeys),
      providerInfo: new TextEncoder().encode(text),
    }));
    const error = await keyringError(rsa().onDecrypt(decryptionMaterials(), strange));
    expect(rootCauses(error)).toEqual([]);
    const opened = await rsa().onDecrypt(decryptionMaterials(), [...strange, ...encryptedDataKeys]);
    expect(opened.dataKey).toEqual(dataKey);
  });

  it('opens with its own key what a related multi-Region key is named for', async () => {
    const related = 'arn:aws:kms:us-west-2:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab';
    const keyArn = related.replace('us-west-2', 'eu-north-1');
    const { dataKey, encryptedDataKeys } = await rsa({ keyArn: related }).onEncrypt(encryptionMaterials());
    const Plaintext = Buffer.concat([
      digestOf(encryptionMaterials().encryptionContext),
      dataKey ?? Buffer.alloc(0),
    ]);
    liar.answer({ KeyId: keyArn, Plaintext });
    const keyring = rsa({ keyArn, client: liar.client });
    expect((await keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys)).dataKey).toEqual(dataKey);
    expect(liar.requests.at(-1)).toMatchObject({ body: { KeyId: keyArn } });
  });

  it('does not believe an answer from another key, or of another length', async () => {
    const keyring = rsa({ client: liar.client });
    const { encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials({ encryptionContext }));
    const Plaintext = Buffer.concat([digestOf(encryptionContext), Buffer.alloc(32, 1)]);
    for (const answer of [
      { KeyId: strange.keyArn, Plaintext },
      { KeyId: own.keyArn.replace('key/', 'alias/'), Plaintext },
      { Plaintext },
      { KeyId: own.keyArn },
      { KeyId: own.keyArn, Plaintext: 5 },
      { KeyId: own.keyArn, Plaintext: Plaintext.subarray(0, 48) },
      { KeyId: own.keyArn, Plaintext: Plaintext.subarray(1) },
      { KeyId: own.keyArn, Plaintext: Buffer.concat([Plaintext, Buffer.alloc(1)]) },
    ]) {
      liar.answer(answer);
      const materials = decryptionMaterials({ encryptionContext });
      const error = await keyringError(keyring.onDecrypt(materials, encryptedDataKeys));
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
      expect(rootCauses(error)).toMatchObject([{ code: 'KEY_SERVICE_ANSWER_INVALID' }]);
    }
  });

  it('opens no data key whose digest is wrong in any bit', async () => {
    const digest = digestOf(encryptionContext);
    for (let bit = 0; bit < 8 * digest.length; bit += 37) {
      const wrong = digest.map((byte, i) => (i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      const error = await keyringError(
        rsa().onDecrypt(decryptionMaterials({ encryptionContext }), [forged(wrong)]),
      );
      expect(rootCauses(error)).toMatchObject([{ code: 'DATA_KEY_NOT_OPENED' }]);
    }
    const opened = await rsa().onDecrypt(decryptionMaterials({ encryptionContext }), [forged(digest)]);
    expect(opened.dataKey).toEqual(Uint8Array.from(dataKey));
  });

  it('says that AWS KMS is out, and not that a data key is not its own', async () => {
    const keyring = rsa({ client: unreachable });
    const { encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'AWS KMS' });
  });

  it('refuses algorithm suites that sign, in both directions', async () => {
    const { encryptedDataKeys } = await rsa().onEncrypt(encryptionMaterials());
    for (const suite of [0x0214, 0x0346, 0x0378, 0x0578] as const) {
      await expect(rsa().onEncrypt(encryptionMaterials({ suite }))).rejects.toThrow(TypeError);
      const materials = decryptionMaterials({ suite });
      const error = await keyringError(rsa().onDecrypt(materials, encryptedDataKeys));
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
      expect(error.cause).toBeInstanceOf(AggregateError);
      const given = await keyringError(rsa().onDecrypt({ ...materials, dataKey }, encryptedDataKeys));
      expect(given.code).toBe('DATA_KEY_ALREADY_SET');
    }
  });

  it('without public key only opens, and without client only wraps', async () => {
    const { keyArn, publicKey } = own;
    const encryptionAlgorithm = 'RSAES_OAEP_SHA_256';
    const wrapping = awsKmsRsaKeyring({ keyArn, encryptionAlgorithm, publicKey });
    const opening = awsKmsRsaKeyring({ keyArn, encryptionAlgorithm, client: kms.client });
    const { dataKey, encryptedDataKeys } = await wrapping.onEncrypt(encryptionMaterials());
    expect((await opening.onDecrypt(decryptionMaterials(), encryptedDataKeys)).dataKey).toEqual(dataKey);
    await expect(opening.onEncrypt(encryptionMaterials())).rejects.toThrow(TypeError);
    await expect(wrapping.onDecrypt(decryptionMaterials(), encryptedDataKeys)).rejects.toThrow(TypeError);
  });

  it('takes its public key in every form', async () => {
    const pem = pair.publicKey.export({ format: 'pem', type: 'spki' }).toString();
    const der = pair.publicKey.export({ format: 'der', type: 'spki' });
    for (const publicKey of [pem, der, Uint8Array.from(der), pair.publicKey]) {
      const { encryptedDataKeys } = await rsa({ publicKey }).onEncrypt(encryptionMaterials());
      const { ciphertext } = only(encryptedDataKeys);
      expect(privateDecrypt({ key: pair.privateKey, oaepHash: 'sha256', padding }, ciphertext)).toHaveLength(
        80,
      );
    }
  });

  it('cannot be made of what it could not work with', async () => {
    const ec = await newKeyPair('ec', { namedCurve: 'P-256' });
    const wrong = [
      { keyArn: '' },
      { keyArn: own.keyArn.replace(/.*\//, '') },
      { keyArn: own.keyArn.replace('key/', 'alias/') },
      { publicKey: ec.publicKey },
      { publicKey: pair.privateKey },
      { publicKey: 'no key' },
      { publicKey: rsaPublicKey(own.publicKey, 1n) },
      { encryptionAlgorithm: 'RSAES_PKCS1_V1_5' },
      { encryptionAlgorithm: 'toString' },
      { client: {} },
    ];
    for (const option of wrong) {
      // @ts-expect-error what JavaScript lets through
      expect(() => rsa(option)).toThrow(TypeError);
    }
    const { keyArn } = own;
    expect(() => awsKmsRsaKeyring({ keyArn, encryptionAlgorithm: 'RSAES_OAEP_SHA_1' })).toThrow(TypeError);
    const small = await newKeyPair('rsa', { modulusLength: 1024 });
    expect(() => rsa({ publicKey: small.publicKey })).toThrow(RangeError);
  });
});

/** The same modulus with another exponent. */
function rsaPublicKey(spki: Uint8Array, exponent: bigint): KeyObject {
  const jwk = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }).export({
    format: 'jwk',
  });
  const e = Buffer.from(exponent.toString(16).padStart(2, '0'), 'hex').toString('base64url');
  return createPublicKey({ key: { ...jwk, e }, format: 'jwk' });
}

describeExamples('packages/keyrings/docs/aws-kms-rsa.md', () => ({
  ...kms.environment,
  KEY_ARN: own.keyArn,
}));

function rsa(options: Partial<AwsKmsRsaKeyringOptions> = {}): Keyring {
  return awsKmsRsaKeyring({
    client: kms.client,
    encryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    ...own,
    ...options,
  });
}

/** What anybody can wrap who has the public key. */
function forged(digest: Uint8Array): EncryptedDataKey {
  const key = { key: Buffer.from(own.publicKey), format: 'der', type: 'spki' } as const;
  const ciphertext = publicEncrypt({ ...key, oaepHash: 'sha256', padding }, Buffer.concat([digest, dataKey]));
  return { providerId: 'aws-kms-rsa', providerInfo: new TextEncoder().encode(own.keyArn), ciphertext };
}

async function newRsaKey(): Promise<{ keyArn: string; publicKey: Uint8Array }> {
  const keyArn = await kms.newKey({ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
  const { PublicKey } = await kms.client.send(new GetPublicKeyCommand({ KeyId: keyArn }));
  return { keyArn, publicKey: PublicKey ?? expect.unreachable() };
}

function digestOf(context: Readonly<Record<string, string>>): Buffer {
  return createHash('sha384').update(contextBytes(context)).digest();
}

function only(keys: readonly EncryptedDataKey[]): EncryptedDataKey {
  const [key, ...others] = keys;
  if (key === undefined || others.length > 0) throw new Error('expected one encrypted data key');
  return key;
}

const padding = constants.RSA_PKCS1_OAEP_PADDING;
const newKeyPair = promisify(generateKeyPair);
const pair = await newKeyPair('rsa', { modulusLength: 2048 });
const encryptionContext = { tenant: '42', 'Größe €': '𐐷' };
const dataKey = Buffer.alloc(32, 7);
