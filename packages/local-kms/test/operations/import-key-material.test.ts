import { constants, createHmac, generateKeyPair, randomBytes, verify } from 'node:crypto';
import { promisify } from 'node:util';
import {
  DecryptCommand,
  DeleteImportedKeyMaterialCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateMacCommand,
  GetParametersForImportCommand,
  GetPublicKeyCommand,
  ImportKeyMaterialCommand,
  type ImportKeyMaterialCommandInput,
  type KeySpec,
  type KeyUsageType,
  ListKeyRotationsCommand,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
  SignCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import {
  ecPrivateKey,
  forever,
  importInput,
  importMaterial,
  POINT_AT_INFINITY,
} from '../fixtures/imports.ts';
import { present, refusal, startKms, type TestKms } from '../fixtures/kms.ts';

type Client = Pick<TestKms, 'client'>;

const Plaintext = new Uint8Array([1, 2, 3]);

const stateOf = async ({ client }: Client, KeyId: string) =>
  (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState;
const external = (KeySpec: KeySpec = 'SYMMETRIC_DEFAULT', KeyUsage: KeyUsageType = 'ENCRYPT_DECRYPT') =>
  ({ Origin: 'EXTERNAL', KeySpec, KeyUsage }) as const;

describe('a key with imported material', () => {
  test.each(['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] as const)(
    'waits for it, and then encrypts: %s',
    async (algorithm) => {
      const kms = await startKms();
      const KeyId = await kms.createKey(external());
      const { KeyMetadata } = await kms.client.send(new DescribeKeyCommand({ KeyId }));
      expect(KeyMetadata).toMatchObject({ Origin: 'EXTERNAL', KeyState: 'PendingImport', Enabled: false });
      expect(KeyMetadata).not.toHaveProperty('ExpirationModel');
      const encrypt = new EncryptCommand({ KeyId, Plaintext });
      expect(await refusal(kms.client.send(encrypt))).toBe('KMSInvalidStateException');
      const imported = await importMaterial(kms, KeyId, randomBytes(32), { algorithm });
      expect(imported.KeyMaterialId).toMatch(/^[0-9a-f]{64}$/);
      const { CiphertextBlob } = await kms.client.send(encrypt);
      expect(await kms.client.send(new DecryptCommand({ CiphertextBlob }))).toMatchObject({
        Plaintext,
        KeyMaterialId: imported.KeyMaterialId,
      });
      const described = await kms.client.send(new DescribeKeyCommand({ KeyId }));
      expect(described.KeyMetadata).toMatchObject({ KeyState: 'Enabled', ...forever });
    },
  );

  test('makes the MACs of that material', async () => {
    const kms = await startKms();
    const material = randomBytes(48);
    const KeyId = await kms.createKey(external('HMAC_256', 'GENERATE_VERIFY_MAC'));
    await importMaterial(kms, KeyId, material);
    const input = { KeyId, Message: Plaintext, MacAlgorithm: 'HMAC_SHA_256' } as const;
    const { Mac } = await kms.client.send(new GenerateMacCommand(input));
    const expected = createHmac('sha256', material).update(Plaintext).digest();
    expect(Buffer.from(present(Mac))).toEqual(expected);
  });

  test.each([
    ['RSA_2048', 'RSA_AES_KEY_WRAP_SHA_1', 'RSASSA_PSS_SHA_256'],
    ['RSA_2048', 'RSA_AES_KEY_WRAP_SHA_256', 'RSASSA_PKCS1_V1_5_SHA_256'],
    ['ECC_NIST_P256', 'RSAES_OAEP_SHA_256', 'ECDSA_SHA_256'],
    ['ECC_SECG_P256K1', 'RSA_AES_KEY_WRAP_SHA_256', 'ECDSA_SHA_256'],
    ['ECC_NIST_EDWARDS25519', 'RSAES_OAEP_SHA_1', 'ED25519_SHA_512'],
  ] as const)('signs with an imported %s private key: %s', async (spec, algorithm, SigningAlgorithm) => {
    const kms = await startKms();
    const { publicKey, privateKey } = await PAIRS[spec]();
    const KeyId = await kms.createKey(external(spec, 'SIGN_VERIFY'));
    const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
    await importMaterial(kms, KeyId, pkcs8, { algorithm });
    const { PublicKey } = await kms.client.send(new GetPublicKeyCommand({ KeyId }));
    expect(Buffer.from(present(PublicKey))).toEqual(publicKey.export({ format: 'der', type: 'spki' }));
    const { Signature } = await kms.client.send(
      new SignCommand({ KeyId, Message: Plaintext, SigningAlgorithm }),
    );
    const isPss = SigningAlgorithm.includes('PSS');
    const padding = isPss && { padding: constants.RSA_PKCS1_PSS_PADDING };
    const hash = spec === 'ECC_NIST_EDWARDS25519' ? null : 'sha256';
    expect(verify(hash, Plaintext, { key: publicKey, ...padding }, present(Signature))).toBe(true);
  });

  test('loses it when it expires or is deleted, and takes only the same again', async () => {
    const kms = await startKms();
    const material = randomBytes(32);
    const KeyId = await kms.createKey(external());
    const ValidTo = new Date(Date.now() + 5 * 86_400_000);
    const expiring = { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo } as const;
    const { KeyMaterialId } = await importMaterial(kms, KeyId, material, expiring);
    const { KeyMetadata } = await kms.client.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({ ...expiring, CurrentKeyMaterialId: KeyMaterialId });
    const { CiphertextBlob } = await kms.client.send(new EncryptCommand({ KeyId, Plaintext }));
    kms.advanceDays(6);
    expect(await stateOf(kms, KeyId)).toBe('PendingImport');
    const other = importMaterial(kms, KeyId, randomBytes(32));
    expect(await refusal(other)).toBe('IncorrectKeyMaterialException');
    await importMaterial(kms, KeyId, material);
    const decrypt = new DecryptCommand({ CiphertextBlob });
    expect((await kms.client.send(decrypt)).Plaintext).toEqual(Plaintext);
    const deleted = await kms.client.send(new DeleteImportedKeyMaterialCommand({ KeyId }));
    expect(deleted.KeyMaterialId).toBe(KeyMaterialId);
    expect(await refusal(kms.client.send(decrypt))).toBe('KMSInvalidStateException');
    await importMaterial(kms, KeyId, material, { ImportType: 'EXISTING_KEY_MATERIAL', KeyMaterialId });
    expect((await kms.client.send(decrypt)).Plaintext).toEqual(Plaintext);
  });

  test('rotates to new material that was imported before, and keeps the old', async () => {
    const kms = await startKms();
    const KeyId = await kms.createKey(external());
    const rotate = () => refusal(kms.client.send(new RotateKeyOnDemandCommand({ KeyId })));
    await importMaterial(kms, KeyId, randomBytes(32), { KeyMaterialDescription: 'first' });
    const { CiphertextBlob } = await kms.client.send(new EncryptCommand({ KeyId, Plaintext }));
    expect(await rotate()).toBe('KMSInvalidStateException');
    await importMaterial(kms, KeyId, randomBytes(32), { ImportType: 'NEW_KEY_MATERIAL' });
    const third = importMaterial(kms, KeyId, randomBytes(32), { ImportType: 'NEW_KEY_MATERIAL' });
    expect(await refusal(third)).toBe('KMSInvalidStateException');
    const list = async () => {
      const all = new ListKeyRotationsCommand({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' });
      return (await kms.client.send(all)).Rotations?.map((entry) => entry.KeyMaterialState);
    };
    expect(await list()).toEqual(['CURRENT', 'PENDING_ROTATION']);
    expect(await rotate()).toBe('no exception');
    expect(await list()).toEqual(['NON_CURRENT', 'CURRENT']);
    const decrypt = new DecryptCommand({ CiphertextBlob });
    expect((await kms.client.send(decrypt)).Plaintext).toEqual(Plaintext);
  });

  test('expires with what is its own, of which material that waits for rotation is not yet', async () => {
    const kms = await startKms();
    const KeyId = await kms.createKey(external());
    await importMaterial(kms, KeyId, randomBytes(32));
    const expiring = {
      ExpirationModel: 'KEY_MATERIAL_EXPIRES',
      ValidTo: new Date(Date.now() + 3_600_000),
    } as const;
    await importMaterial(kms, KeyId, randomBytes(32), { ...expiring, ImportType: 'NEW_KEY_MATERIAL' });
    const metadata = async () => (await kms.client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
    expect(await metadata()).toMatchObject(forever);
    expect(await metadata()).not.toHaveProperty('ValidTo');
    await kms.client.send(new RotateKeyOnDemandCommand({ KeyId }));
    expect(await metadata()).toMatchObject(expiring);
  });

  test('is imported in each of its Regions', async () => {
    const kms = await startKms();
    const west = { client: kms.clientIn('us-west-2') };
    const [first, second] = [randomBytes(32), randomBytes(32)];
    const KeyId = await kms.createKey({ ...external(), MultiRegion: true });
    await importMaterial(kms, KeyId, first);
    await kms.client.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'us-west-2' }));
    expect(await stateOf(west, KeyId)).toBe('PendingImport');
    expect(await refusal(importMaterial(west, KeyId, second))).toBe('IncorrectKeyMaterialException');
    await importMaterial(west, KeyId, first);
    const { CiphertextBlob } = await kms.client.send(new EncryptCommand({ KeyId, Plaintext }));
    const decrypt = new DecryptCommand({ CiphertextBlob });
    expect((await west.client.send(decrypt)).Plaintext).toEqual(Plaintext);

    const NEW = { ImportType: 'NEW_KEY_MATERIAL' } as const;
    expect(await refusal(importMaterial(west, KeyId, second, NEW))).toBe('UnsupportedOperationException');
    await importMaterial(kms, KeyId, second, NEW);
    const all = new ListKeyRotationsCommand({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' });
    const states = async () =>
      (await kms.client.send(all)).Rotations?.map(({ KeyMaterialState }) => KeyMaterialState);
    expect(await states()).toEqual(['CURRENT', 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION']);
    const rotate = new RotateKeyOnDemandCommand({ KeyId });
    expect(await refusal(kms.client.send(rotate))).toBe('KMSInvalidStateException');
    const EXISTING = { ImportType: 'EXISTING_KEY_MATERIAL' } as const;
    const { KeyMaterialId } = await importMaterial(west, KeyId, second, EXISTING);
    expect(await states()).toEqual(['CURRENT', 'PENDING_ROTATION']);
    // The replica loses what is its own, and can have it again.
    await west.client.send(new DeleteImportedKeyMaterialCommand({ KeyId, KeyMaterialId }));
    expect(await states()).toEqual(['CURRENT', 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION']);
    await importMaterial(west, KeyId, second, EXISTING);
    expect(await states()).toEqual(['CURRENT', 'PENDING_ROTATION']);
    await kms.client.send(rotate);
    const again = await west.client.send(new EncryptCommand({ KeyId, Plaintext }));
    for (const blob of [CiphertextBlob, again.CiphertextBlob]) {
      const opened = await kms.client.send(new DecryptCommand({ CiphertextBlob: blob }));
      expect(opened.Plaintext).toEqual(Plaintext);
    }
  });
});

describe('GetParametersForImport', () => {
  test.each([
    ['no exception', 'SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_256', 'RSA_2048'],
    ['no exception', 'ECC_NIST_P521', 'RSAES_OAEP_SHA_256', 'RSA_3072'],
    ['ValidationException', 'ECC_NIST_P521', 'RSAES_OAEP_SHA_256', 'RSA_2048'],
    ['ValidationException', 'RSA_2048', 'RSAES_OAEP_SHA_256', 'RSA_4096'],
    ['ValidationException', 'SYMMETRIC_DEFAULT', 'RSA_AES_KEY_WRAP_SHA_256', 'RSA_2048'],
    ['UnsupportedOperationException', 'SYMMETRIC_DEFAULT', 'RSAES_PKCS1_V1_5', 'RSA_2048'],
    ['UnsupportedOperationException', 'SYMMETRIC_DEFAULT', 'SM2PKE', 'SM2'],
  ] as const)('answers with %s for %s wrapped with %s under %s', async (name, spec, algorithm, keySpec) => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey(
      external(spec, spec === 'SYMMETRIC_DEFAULT' ? 'ENCRYPT_DECRYPT' : 'SIGN_VERIFY'),
    );
    const input = { KeyId, WrappingAlgorithm: algorithm, WrappingKeySpec: keySpec };
    expect(await refusal(client.send(new GetParametersForImportCommand(input)))).toBe(name);
  });

  test('is for keys of the origin EXTERNAL', async () => {
    const kms = await startKms();
    const KeyId = await kms.createKey();
    const parameters = importInput(kms, KeyId, randomBytes(32));
    expect(await refusal(parameters)).toBe('UnsupportedOperationException');
    const del = new DeleteImportedKeyMaterialCommand({ KeyId });
    expect(await refusal(kms.client.send(del))).toBe('UnsupportedOperationException');
  });
});

describe('ImportKeyMaterial', () => {
  test.each<[string, Partial<ImportKeyMaterialCommandInput>]>([
    ['InvalidImportTokenException', { ImportToken: new Uint8Array(64) }],
    ['InvalidCiphertextException', { EncryptedKeyMaterial: new Uint8Array(256) }],
    ['ValidationException', { ExpirationModel: 'KEY_MATERIAL_EXPIRES' }],
    ['ValidationException', { ExpirationModel: undefined }],
    ['ValidationException', { ValidTo: new Date(Date.now() + 1e6) }],
    ['ValidationException', { ExpirationModel: undefined, ValidTo: new Date(Date.now() - 1000) }],
    ['ValidationException', { ExpirationModel: undefined, ValidTo: new Date(Date.now() + 366 * 864e5) }],
    ['ValidationException', { ImportType: 'NEW_KEY_MATERIAL', KeyMaterialId: 'a'.repeat(64) }],
    ['IncorrectKeyMaterialException', { KeyMaterialId: 'a'.repeat(64) }],
    ['IncorrectKeyMaterialException', { ImportType: 'EXISTING_KEY_MATERIAL' }],
  ])('is refused with %s: %o', async (name, change) => {
    const kms = await startKms();
    const KeyId = await kms.createKey(external());
    const input = await importInput(kms, KeyId, randomBytes(32));
    const command = new ImportKeyMaterialCommand({ ...input, ...change });
    expect(await refusal(kms.client.send(command))).toBe(name);
    expect(await stateOf(kms, KeyId)).toBe('PendingImport');
  });

  test('takes material of the spec of its key only', async () => {
    const kms = await startKms();
    const symmetric = await kms.createKey(external());
    for (const material of [randomBytes(16), randomBytes(31), randomBytes(33)]) {
      const call = importMaterial(kms, symmetric, material);
      expect(await refusal(call)).toBe('IncorrectKeyMaterialException');
    }
    const signing = await kms.createKey(external('ECC_NIST_P256', 'SIGN_VERIFY'));
    const { privateKey } = await PAIRS.ECC_SECG_P256K1();
    const pkcs8 = privateKey.export({ format: 'der', type: 'pkcs8' });
    for (const material of [pkcs8, randomBytes(32)]) {
      expect(await refusal(importMaterial(kms, signing, material))).toBe('IncorrectKeyMaterialException');
    }
  });

  test.each(['SIGN_VERIFY', 'KEY_AGREEMENT'] as const)(
    'takes no private key that is none: %s',
    async (usage) => {
      const kms = await startKms();
      const KeyId = await kms.createKey(external('ECC_NIST_P256', usage));
      for (const material of [
        ecPrivateKey(randomBytes(32), POINT_AT_INFINITY),
        ecPrivateKey(Buffer.alloc(32)),
      ]) {
        expect(await refusal(importMaterial(kms, KeyId, material))).toBe('IncorrectKeyMaterialException');
      }
      expect(await stateOf(kms, KeyId)).toBe('PendingImport');
    },
  );

  test('takes a token of the same key for a day', async () => {
    const kms = await startKms();
    const KeyId = await kms.createKey(external());
    const input = await importInput(kms, KeyId, randomBytes(32));
    const other = new ImportKeyMaterialCommand({ ...input, KeyId: await kms.createKey(external()) });
    expect(await refusal(kms.client.send(other))).toBe('InvalidImportTokenException');
    kms.advanceDays(0.99);
    expect(await refusal(kms.client.send(new ImportKeyMaterialCommand(input)))).toBe('no exception');
    kms.advanceDays(0.02);
    const late = new ImportKeyMaterialCommand(input);
    expect(await refusal(kms.client.send(late))).toBe('ExpiredImportTokenException');
  });

  test('names materials of symmetric keys only', async () => {
    const kms = await startKms();
    const KeyId = await kms.createKey(external('HMAC_256', 'GENERATE_VERIFY_MAC'));
    const named = importMaterial(kms, KeyId, randomBytes(32), { ImportType: 'NEW_KEY_MATERIAL' });
    expect(await refusal(named)).toBe('ValidationException');
    const imported = await importMaterial(kms, KeyId, randomBytes(32));
    expect(imported).not.toHaveProperty('KeyMaterialId');
    const second = importMaterial(kms, KeyId, randomBytes(32));
    expect(await refusal(second)).toBe('IncorrectKeyMaterialException');
  });
});

const newKeyPair = promisify(generateKeyPair);
const PAIRS = {
  RSA_2048: () => newKeyPair('rsa', { modulusLength: 2048 }),
  ECC_NIST_P256: () => newKeyPair('ec', { namedCurve: 'P-256' }),
  ECC_SECG_P256K1: () => newKeyPair('ec', { namedCurve: 'secp256k1' }),
  ECC_NIST_EDWARDS25519: () => newKeyPair('ed25519'),
} as const;
