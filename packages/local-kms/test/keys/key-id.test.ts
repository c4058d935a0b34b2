import {
  CreateAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { refusal, SCOPE, startKms } from '../fixtures/kms.ts';

describe('a KeyId', () => {
  test('is a key id, a key ARN, an alias name or an alias ARN', async () => {
    const { client, createKey } = await startKms();
    const id = await createKey();
    await client.send(new CreateAliasCommand({ AliasName: 'alias/a/b', TargetKeyId: id }));
    const arn = `arn:aws:kms:${SCOPE}:key/${id}`;
    for (const KeyId of [id, arn, 'alias/a/b', `arn:aws:kms:${SCOPE}:alias/a/b`]) {
      const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
      expect(KeyMetadata).toMatchObject({ KeyId: id, Arn: arn });
      const encrypted = await client.send(new EncryptCommand({ KeyId, Plaintext: new Uint8Array(1) }));
      expect(encrypted.KeyId).toBe(arn);
    }
  });

  test.each([
    ['NotFoundException', 'nothing'],
    ['NotFoundException', '00000000-0000-4000-8000-000000000000'],
    ['NotFoundException', 'alias/nothing'],
    ['NotFoundException', `arn:aws:kms:${SCOPE}:alias/nothing`],
    ['NotFoundException', 'arn:aws:kms:us-east-1:111122223333:key/1'],
    ['NotFoundException', 'arn:aws:kms:eu-north-1:000000000000:key/1'],
    ['InvalidArnException', 'arn:aws:s3:::bucket'],
    ['InvalidArnException', 'arn:'],
    ['ValidationException', 'x'.repeat(2049)],
  ])('is refused with %s: %s', async (name, KeyId) => {
    const { client } = await startKms();
    expect(await refusal(client.send(new DescribeKeyCommand({ KeyId })))).toBe(name);
  });

  test('of another Region is refused even if the key id is one of here', async () => {
    const { client, createKey } = await startKms();
    const KeyId = `arn:aws:kms:eu-west-1:111122223333:key/${await createKey()}`;
    expect(await refusal(client.send(new DescribeKeyCommand({ KeyId })))).toBe('NotFoundException');
  });

  test('is no alias where a key is enabled, disabled or given an alias', async () => {
    const { client, createKey } = await startKms();
    await client.send(new CreateAliasCommand({ AliasName: 'alias/a', TargetKeyId: await createKey() }));
    for (const KeyId of ['alias/a', `arn:aws:kms:${SCOPE}:alias/a`]) {
      expect(await refusal(client.send(new EnableKeyCommand({ KeyId })))).toBe('NotFoundException');
      expect(await refusal(client.send(new DisableKeyCommand({ KeyId })))).toBe('NotFoundException');
      const create = new CreateAliasCommand({ AliasName: 'alias/b', TargetKeyId: KeyId });
      expect(await refusal(client.send(create))).toBe('NotFoundException');
    }
  });
});
