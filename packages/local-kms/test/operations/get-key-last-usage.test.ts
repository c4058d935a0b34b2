import {
  DescribeKeyCommand,
  EncryptCommand,
  GetKeyLastUsageCommand,
  GetPublicKeyCommand,
  ReEncryptCommand,
  ReplicateKeyCommand,
  SignCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { present, refusal, startKms, type TestKms } from '../fixtures/kms.ts';

const Plaintext = new Uint8Array([1, 2, 3]);

const lastUsage = ({ client }: Pick<TestKms, 'client'>, KeyId: string) =>
  client.send(new GetKeyLastUsageCommand({ KeyId }));

describe('GetKeyLastUsage', () => {
  test('is empty until a key was used, and then tells of the last use', async () => {
    const kms = await startKms();
    const KeyId = await kms.createKey();
    const { KeyMetadata } = await kms.client.send(new DescribeKeyCommand({ KeyId }));
    const unused = await lastUsage(kms, KeyId);
    expect(unused).toMatchObject({ KeyId, KeyLastUsage: {}, KeyCreationDate: KeyMetadata?.CreationDate });
    expect(unused.KeyLastUsage).toEqual({});
    expect(unused.TrackingStartDate).toEqual(unused.KeyCreationDate);

    const { $metadata } = await kms.client.send(new EncryptCommand({ KeyId, Plaintext }));
    const { KeyLastUsage } = await lastUsage(kms, present(KeyMetadata?.Arn));
    const event = present(kms.local.auditEvents().find(({ eventName }) => eventName === 'Encrypt'));
    expect(KeyLastUsage).toEqual({
      Operation: 'Encrypt',
      Timestamp: new Date(event.eventTime),
      CloudTrailEventId: event.eventID,
      KmsRequestId: $metadata.requestId,
    });
  });

  test('counts cryptography that came to a result, and nothing else', async () => {
    const kms = await startKms();
    const KeyId = await kms.createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    const sign = { KeyId, Message: Plaintext, SigningAlgorithm: 'ECDSA_SHA_256' } as const;
    await kms.client.send(new GetPublicKeyCommand({ KeyId }));
    await refusal(kms.client.send(new SignCommand({ ...sign, DryRun: true })));
    await refusal(kms.client.send(new SignCommand({ ...sign, SigningAlgorithm: 'ECDSA_SHA_384' })));
    expect((await lastUsage(kms, KeyId)).KeyLastUsage).toEqual({});
    await kms.client.send(new SignCommand(sign));
    expect((await lastUsage(kms, KeyId)).KeyLastUsage).toMatchObject({ Operation: 'Sign' });
  });

  test('is of both keys of ReEncrypt, and of each Region by itself', async () => {
    const kms = await startKms();
    const [source, destination] = [await kms.createKey({ MultiRegion: true }), await kms.createKey()];
    await kms.client.send(new ReplicateKeyCommand({ KeyId: source, ReplicaRegion: 'us-west-2' }));
    const { CiphertextBlob } = await kms.client.send(new EncryptCommand({ KeyId: source, Plaintext }));
    await kms.client.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: destination }));
    for (const KeyId of [source, destination]) {
      expect((await lastUsage(kms, KeyId)).KeyLastUsage?.Operation).toBe('ReEncrypt');
    }
    const replica = await lastUsage({ client: kms.clientIn('us-west-2') }, source);
    expect(replica.KeyLastUsage).toEqual({});
  });

  test('takes no alias', async () => {
    const kms = await startKms({ seed: { keys: [{ aliases: ['alias/orders'] }] } });
    expect(await refusal(lastUsage(kms, 'alias/orders'))).toBe('NotFoundException');
  });
});
