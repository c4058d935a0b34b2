import { createPublicKey } from 'node:crypto';
import { DisableKeyCommand, GetPublicKeyCommand } from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { present, refusal, startKms } from '../fixtures/kms.ts';

describe('GetPublicKey', () => {
  test.each([
    ['RSA_2048', 'ENCRYPT_DECRYPT', { EncryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] }],
    ['ECC_NIST_P521', 'KEY_AGREEMENT', { KeyAgreementAlgorithms: ['ECDH'] }],
  ] as const)(
    'returns the public key of a %s key and what it is for',
    async (KeySpec, KeyUsage, algorithms) => {
      const { client, createKey } = await startKms();
      const KeyId = await createKey({ KeySpec, KeyUsage });
      const answer = await client.send(new GetPublicKeyCommand({ KeyId }));
      expect(answer).toMatchObject({ KeySpec, KeyUsage, CustomerMasterKeySpec: KeySpec, ...algorithms });
      const key = { key: Buffer.from(present(answer.PublicKey)), format: 'der', type: 'spki' } as const;
      expect(createPublicKey(key).asymmetricKeyType).toBe(KeySpec.startsWith('RSA') ? 'rsa' : 'ec');
    },
  );

  test('refuses symmetric and disabled keys', async () => {
    const { client, createKey } = await startKms();
    const symmetric = new GetPublicKeyCommand({ KeyId: await createKey() });
    expect(await refusal(client.send(symmetric))).toBe('UnsupportedOperationException');
    const KeyId = await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' });
    await client.send(new DisableKeyCommand({ KeyId }));
    expect(await refusal(client.send(new GetPublicKeyCommand({ KeyId })))).toBe('DisabledException');
  });
});
