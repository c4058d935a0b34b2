import { GenerateRandomCommand } from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { refusal, startKms, startKmsWithExternalKey } from '../fixtures/kms.ts';

describe('GenerateRandom', () => {
  test('makes as many bytes as it is asked for, never the same', async () => {
    const { client } = await startKms();
    for (const NumberOfBytes of [1, 16, 1024]) {
      expect((await client.send(new GenerateRandomCommand({ NumberOfBytes }))).Plaintext).toHaveLength(
        NumberOfBytes,
      );
    }
    const generate = () => client.send(new GenerateRandomCommand({ NumberOfBytes: 16 }));
    expect((await generate()).Plaintext).not.toEqual((await generate()).Plaintext);
  });

  test.each([
    ['ValidationException', {}],
    ['ValidationException', { NumberOfBytes: 0 }],
    ['ValidationException', { NumberOfBytes: 1025 }],
    ['CustomKeyStoreNotFoundException', { NumberOfBytes: 1, CustomKeyStoreId: 'cks-1' }],
    [
      'UnsupportedOperationException',
      { NumberOfBytes: 1, Recipient: { AttestationDocument: new Uint8Array(1) } },
    ],
  ])('is refused with %s: %j', async (name, input) => {
    const { client } = await startKms();
    expect(await refusal(client.send(new GenerateRandomCommand(input)))).toBe(name);
  });

  test('does not ask an external key store', async () => {
    const { client, CustomKeyStoreId } = await startKmsWithExternalKey();
    const command = new GenerateRandomCommand({ NumberOfBytes: 1, CustomKeyStoreId });
    expect(await refusal(client.send(command))).toBe('UnsupportedOperationException');
  });
});
