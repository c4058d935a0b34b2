import { createPrivateKey, createPublicKey } from 'node:crypto';
import {
  DecryptCommand,
  GenerateDataKeyPairCommand,
  type GenerateDataKeyPairCommandInput,
  GenerateDataKeyPairWithoutPlaintextCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { present, refusal, startKms, startKmsWithExternalKey } from '../fixtures/kms.ts';

const EncryptionContext = { a: 'b' };

describe('data key pairs', () => {
  test.each([
    'RSA_2048',
    'RSA_3072',
    'RSA_4096',
    'ECC_NIST_P256',
    'ECC_NIST_P384',
    'ECC_NIST_P521',
    'ECC_SECG_P256K1',
    'ECC_NIST_EDWARDS25519',
  ] as const)(
    'of the spec %s are a PKCS #8 private key, also encrypted, and its public key',
    async (KeyPairSpec) => {
      const { client, createKey } = await startKms();
      const KeyId = await createKey();
      const input = { KeyId, KeyPairSpec, EncryptionContext };
      const pair = await client.send(new GenerateDataKeyPairCommand(input));
      const CiphertextBlob = present(pair.PrivateKeyCiphertextBlob);
      const opened = await client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
      expect(opened.Plaintext).toEqual(pair.PrivateKeyPlaintext);
      expect(opened.KeyMaterialId).toBe(pair.KeyMaterialId);
      const key = Buffer.from(present(pair.PrivateKeyPlaintext));
      const publicKey = createPublicKey(createPrivateKey({ key, format: 'der', type: 'pkcs8' }));
      expect(publicKey.export({ format: 'der', type: 'spki' })).toEqual(Buffer.from(present(pair.PublicKey)));
      expect(await refusal(client.send(new DecryptCommand({ CiphertextBlob })))).toBe(
        'InvalidCiphertextException',
      );
    },
  );

  test('come without the plaintext too', async () => {
    const { client, createKey } = await startKms();
    const input = { KeyId: await createKey(), KeyPairSpec: 'ECC_NIST_P256' } as const;
    const pair = await client.send(new GenerateDataKeyPairWithoutPlaintextCommand(input));
    expect(pair).not.toHaveProperty('PrivateKeyPlaintext');
    const { Plaintext } = await client.send(
      new DecryptCommand({ CiphertextBlob: pair.PrivateKeyCiphertextBlob }),
    );
    expect(present(Plaintext).length).toBeGreaterThan(100);
  });

  test.each<[string, Partial<GenerateDataKeyPairCommandInput>]>([
    ['UnsupportedOperationException', { KeyPairSpec: 'SM2' }],
    ['UnsupportedOperationException', { KeyPairSpec: 'SM2', DryRun: true }],
    ['DryRunOperationException', { DryRun: true }],
    ['NotFoundException', { KeyId: 'none' }],
  ])('are refused with %s: %j', async (name, change) => {
    const { client, createKey } = await startKms();
    const input = { KeyId: await createKey(), KeyPairSpec: 'ECC_NIST_P256', ...change } as const;
    for (const command of [
      new GenerateDataKeyPairCommand(input),
      new GenerateDataKeyPairWithoutPlaintextCommand(input),
    ]) {
      expect(await refusal(client.send(command))).toBe(name);
    }
  });

  test('are not for keys in a custom key store, or asymmetric ones', async () => {
    const { client, KeyId, createKey } = await startKmsWithExternalKey();
    const generate = (id: string) =>
      refusal(client.send(new GenerateDataKeyPairCommand({ KeyId: id, KeyPairSpec: 'ECC_NIST_P256' })));
    expect(await generate(KeyId)).toBe('UnsupportedOperationException');
    const rsa = { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' } as const;
    expect(await generate(await createKey(rsa))).toBe('InvalidKeyUsageException');
  });
});
