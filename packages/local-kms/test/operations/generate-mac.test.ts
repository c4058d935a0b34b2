import {
  DescribeKeyCommand,
  EncryptCommand,
  GenerateMacCommand,
  type MacAlgorithmSpec,
  VerifyMacCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { present, refusal, startKms } from '../fixtures/kms.ts';

const Message = new TextEncoder().encode('a message');

describe('GenerateMac and VerifyMac', () => {
  test.each([
    ['HMAC_224', 'HMAC_SHA_224', 28],
    ['HMAC_256', 'HMAC_SHA_256', 32],
    ['HMAC_384', 'HMAC_SHA_384', 48],
    ['HMAC_512', 'HMAC_SHA_512', 64],
  ] as const)('agree with each other on a %s key', async (KeySpec, MacAlgorithm, length) => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey({ KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' });
    const generate = new GenerateMacCommand({ KeyId, Message, MacAlgorithm });
    const [first, second] = [await client.send(generate), await client.send(generate)];
    expect(first.Mac).toHaveLength(length);
    expect(first.Mac).toEqual(second.Mac);
    const Mac = present(first.Mac);
    const verified = await client.send(new VerifyMacCommand({ KeyId, Message, MacAlgorithm, Mac }));
    expect(verified).toMatchObject({ MacValid: true, MacAlgorithm });
    for (const change of [
      { Mac: Mac.slice(1) },
      { Mac: Mac.map((byte, i) => (i === 0 ? byte ^ 1 : byte)) },
      { Message: new Uint8Array(1) },
      { KeyId: await createKey({ KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' }) },
    ]) {
      const command = new VerifyMacCommand({ KeyId, Message, MacAlgorithm, Mac, ...change });
      expect(await refusal(client.send(command))).toBe('KMSInvalidMacException');
    }
  });

  test.each<[string, { MacAlgorithm?: MacAlgorithmSpec; Message?: Uint8Array; DryRun?: boolean }]>([
    ['InvalidKeyUsageException', { MacAlgorithm: 'HMAC_SHA_512' }],
    ['ValidationException', { Message: new Uint8Array(0) }],
    ['DryRunOperationException', { DryRun: true }],
  ])('are refused with %s: %j', async (name, change) => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
    const input = { KeyId, Message, MacAlgorithm: 'HMAC_SHA_256', ...change } as const;
    expect(await refusal(client.send(new GenerateMacCommand(input)))).toBe(name);
    const verify = new VerifyMacCommand({ ...input, Mac: new Uint8Array(32) });
    expect(await refusal(client.send(verify))).toBe(name);
  });

  test('need an HMAC key, which does nothing else', async () => {
    const { client, createKey } = await startKms();
    const MacAlgorithm = 'HMAC_SHA_256';
    const generate = new GenerateMacCommand({ KeyId: await createKey(), Message, MacAlgorithm });
    expect(await refusal(client.send(generate))).toBe('InvalidKeyUsageException');
    const KeyId = await createKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
    const encrypt = new EncryptCommand({ KeyId, Plaintext: Message });
    expect(await refusal(client.send(encrypt))).toBe('InvalidKeyUsageException');
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({ MacAlgorithms: [MacAlgorithm], KeyUsage: 'GENERATE_VERIFY_MAC' });
    expect(KeyMetadata).not.toHaveProperty('CurrentKeyMaterialId');
  });
});
