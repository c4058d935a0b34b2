import {
  DecryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { refusal, startKms } from '../fixtures/kms.ts';

describe.each([GenerateDataKeyCommand, GenerateDataKeyWithoutPlaintextCommand])('%o', (Command) => {
  test.each([
    [{ KeySpec: 'AES_128' as const }, 16],
    [{ KeySpec: 'AES_256' as const }, 32],
    [{ NumberOfBytes: 1 }, 1],
    [{ NumberOfBytes: 1024 }, 1024],
  ])('makes a data key for %j that Decrypt opens to %i bytes', async (size, length) => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    const EncryptionContext = { a: 'b' };
    const { CiphertextBlob } = await client.send(new Command({ KeyId, EncryptionContext, ...size }));
    const { Plaintext } = await client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
    expect(Plaintext).toHaveLength(length);
  });

  test.each([
    {},
    { KeySpec: 'AES_256' as const, NumberOfBytes: 32 },
    { NumberOfBytes: 0 },
    { NumberOfBytes: 1025 },
    { NumberOfBytes: 1.5 },
  ])('refuses the size %j', async (size) => {
    const { client, createKey } = await startKms();
    const generate = new Command({ KeyId: await createKey(), ...size });
    expect(['ValidationException', 'SerializationException']).toContain(await refusal(client.send(generate)));
  });

  test('refuses a key that is not symmetric', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey({ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
    const generate = new Command({ KeyId, KeySpec: 'AES_256' });
    expect(await refusal(client.send(generate))).toBe('InvalidKeyUsageException');
  });

  test('answers a dry run', async () => {
    const { client, createKey } = await startKms();
    const generate = new Command({ KeyId: await createKey(), KeySpec: 'AES_256', DryRun: true });
    expect(await refusal(client.send(generate))).toBe('DryRunOperationException');
  });
});

describe('GenerateDataKey', () => {
  test('returns the plaintext that the ciphertext holds, a new one each time', async () => {
    const { client, createKey } = await startKms();
    const generate = new GenerateDataKeyCommand({ KeyId: await createKey(), KeySpec: 'AES_256' });
    const first = await client.send(generate);
    const second = await client.send(generate);
    const opened = await client.send(new DecryptCommand({ CiphertextBlob: first.CiphertextBlob }));
    expect(opened.Plaintext).toEqual(first.Plaintext);
    expect(first.Plaintext).not.toEqual(second.Plaintext);
    expect(first.Plaintext).not.toEqual(new Uint8Array(32));
    expect(opened.KeyMaterialId).toBe(first.KeyMaterialId);
    expect(first.KeyMaterialId).toMatch(/^[0-9a-f]{64}$/);
  });
});

describe('GenerateDataKeyWithoutPlaintext', () => {
  test('returns no plaintext', async () => {
    const { client, createKey } = await startKms();
    const generate = new GenerateDataKeyWithoutPlaintextCommand({
      KeyId: await createKey(),
      KeySpec: 'AES_256',
    });
    expect(await client.send(generate)).not.toHaveProperty('Plaintext');
  });
});
