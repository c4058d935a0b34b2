import {
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DeleteImportedKeyMaterialCommand,
  DeriveSharedSecretCommand,
  DisableKeyRotationCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateDataKeyPairCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  GenerateMacCommand,
  GenerateRandomCommand,
  GetKeyRotationStatusCommand,
  GetParametersForImportCommand,
  GetPublicKeyCommand,
  ImportKeyMaterialCommand,
  type KMSClient,
  ListKeyRotationsCommand,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
  SignCommand,
  UpdatePrimaryRegionCommand,
  VerifyCommand,
  VerifyMacCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { refusal, startKmsWithExternalKey } from '../fixtures/kms.ts';

const some = new Uint8Array(32);
const unsupported = 'UnsupportedOperationException';
const keyUsage = 'InvalidKeyUsageException';

/** What AWS KMS does not do with a key in an external key store. */
const refused: readonly (readonly [
  operation: string,
  exception: string,
  call: (client: KMSClient, KeyId: string) => Promise<unknown>,
])[] = [
  ['EnableKeyRotation', unsupported, (kms, KeyId) => kms.send(new EnableKeyRotationCommand({ KeyId }))],
  ['DisableKeyRotation', unsupported, (kms, KeyId) => kms.send(new DisableKeyRotationCommand({ KeyId }))],
  ['GetKeyRotationStatus', unsupported, (kms, KeyId) => kms.send(new GetKeyRotationStatusCommand({ KeyId }))],
  ['RotateKeyOnDemand', unsupported, (kms, KeyId) => kms.send(new RotateKeyOnDemandCommand({ KeyId }))],
  ['ListKeyRotations', unsupported, (kms, KeyId) => kms.send(new ListKeyRotationsCommand({ KeyId }))],
  [
    'GetParametersForImport',
    unsupported,
    (kms, KeyId) =>
      kms.send(
        new GetParametersForImportCommand({
          KeyId,
          WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
          WrappingKeySpec: 'RSA_2048',
        }),
      ),
  ],
  [
    'ImportKeyMaterial',
    unsupported,
    (kms, KeyId) =>
      kms.send(
        new ImportKeyMaterialCommand({
          KeyId,
          ImportToken: some,
          EncryptedKeyMaterial: some,
          ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
        }),
      ),
  ],
  [
    'DeleteImportedKeyMaterial',
    unsupported,
    (kms, KeyId) => kms.send(new DeleteImportedKeyMaterialCommand({ KeyId })),
  ],
  [
    'ReplicateKey',
    unsupported,
    (kms, KeyId) => kms.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'us-west-2' })),
  ],
  [
    'UpdatePrimaryRegion',
    unsupported,
    (kms, KeyId) => kms.send(new UpdatePrimaryRegionCommand({ KeyId, PrimaryRegion: 'us-west-2' })),
  ],
  [
    'GenerateDataKeyPair',
    unsupported,
    (kms, KeyId) => kms.send(new GenerateDataKeyPairCommand({ KeyId, KeyPairSpec: 'ECC_NIST_P256' })),
  ],
  [
    'GenerateDataKeyPairWithoutPlaintext',
    unsupported,
    (kms, KeyId) =>
      kms.send(new GenerateDataKeyPairWithoutPlaintextCommand({ KeyId, KeyPairSpec: 'RSA_2048' })),
  ],
  ['GetPublicKey', unsupported, (kms, KeyId) => kms.send(new GetPublicKeyCommand({ KeyId }))],
  [
    'Sign',
    keyUsage,
    (kms, KeyId) => kms.send(new SignCommand({ KeyId, Message: some, SigningAlgorithm: 'ECDSA_SHA_256' })),
  ],
  [
    'Verify',
    keyUsage,
    (kms, KeyId) =>
      kms.send(
        new VerifyCommand({ KeyId, Message: some, Signature: some, SigningAlgorithm: 'ECDSA_SHA_256' }),
      ),
  ],
  [
    'GenerateMac',
    keyUsage,
    (kms, KeyId) => kms.send(new GenerateMacCommand({ KeyId, Message: some, MacAlgorithm: 'HMAC_SHA_256' })),
  ],
  [
    'VerifyMac',
    keyUsage,
    (kms, KeyId) =>
      kms.send(new VerifyMacCommand({ KeyId, Message: some, Mac: some, MacAlgorithm: 'HMAC_SHA_256' })),
  ],
  [
    'DeriveSharedSecret',
    keyUsage,
    (kms, KeyId) =>
      kms.send(new DeriveSharedSecretCommand({ KeyId, PublicKey: some, KeyAgreementAlgorithm: 'ECDH' })),
  ],
  [
    'Encrypt under an asymmetric algorithm',
    keyUsage,
    (kms, KeyId) =>
      kms.send(new EncryptCommand({ KeyId, Plaintext: some, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' })),
  ],
];

describe('a key in an external key store', () => {
  test.each(refused)('is not for %s: %s', async (_operation, exception, call) => {
    const { client, KeyId, proxy } = await startKmsWithExternalKey();
    const calls = proxy.requests.length;
    expect(await refusal(call(client, KeyId))).toBe(exception);
    expect(proxy.requests).toHaveLength(calls);
  });
});

describe('an external key store', () => {
  test.each<[string, CreateKeyCommandInput]>([
    ['asymmetric keys to encrypt', { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' }],
    ['asymmetric keys to sign', { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }],
    ['asymmetric keys to agree', { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' }],
    ['HMAC keys', { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }],
    ['multi-Region keys', { MultiRegion: true }],
  ])('takes no %s', async (_title, input) => {
    const { client, CustomKeyStoreId, proxy } = await startKmsWithExternalKey();
    const calls = proxy.requests.length;
    const external = { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId: 'external-2' } as const;
    expect(await refusal(client.send(new CreateKeyCommand({ ...external, ...input })))).toBe(unsupported);
    expect(proxy.requests).toHaveLength(calls);
  });

  test('takes no key of another origin', async () => {
    const { client, CustomKeyStoreId } = await startKmsWithExternalKey();
    for (const Origin of ['AWS_KMS', 'EXTERNAL'] as const) {
      expect(await refusal(client.send(new CreateKeyCommand({ Origin, CustomKeyStoreId })))).toBe(
        'ValidationException',
      );
    }
  });

  test('makes no random bytes', async () => {
    const { client, CustomKeyStoreId } = await startKmsWithExternalKey();
    const random = new GenerateRandomCommand({ NumberOfBytes: 32, CustomKeyStoreId });
    expect(await refusal(client.send(random))).toBe(unsupported);
  });
});
