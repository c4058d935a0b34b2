import {
  CreateKeyCommand,
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  ListKeyPoliciesCommand,
  PutKeyPolicyCommand,
  UpdateKeyDescriptionCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { present, refusal, startKms } from '../fixtures/kms.ts';

const Policy = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' }],
});

const under = (operator: string, key: string) =>
  Policy.replace('"Resource"', `"Condition":{"${operator}":{"${key}":"a"}},"Resource"`);
const ONLY_DENIES = '{"Statement":{"Effect":"Deny","Principal":{"AWS":["111122223333"]}}}';

describe('the policy of a key', () => {
  test('enables the account at first, and is then as it was put', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    const get = () => client.send(new GetKeyPolicyCommand({ KeyId }));
    expect(JSON.parse(present((await get()).Policy))).toMatchObject({
      Id: 'key-default-1',
      Statement: [{ Principal: { AWS: 'arn:aws:iam::111122223333:root' }, Action: 'kms:*' }],
    });
    await client.send(new PutKeyPolicyCommand({ KeyId, Policy }));
    expect(await get()).toMatchObject({ Policy, PolicyName: 'default' });
    const list = await client.send(new ListKeyPoliciesCommand({ KeyId }));
    expect(list).toMatchObject({ PolicyNames: ['default'], Truncated: false });
  });

  test('comes with the key', async () => {
    const { client } = await startKms();
    const { KeyMetadata } = await client.send(new CreateKeyCommand({ Policy }));
    const get = new GetKeyPolicyCommand({ KeyId: KeyMetadata?.KeyId, PolicyName: 'default' });
    expect((await client.send(get)).Policy).toBe(Policy);
  });

  test.each([
    ['MalformedPolicyDocumentException', { Policy: '{' }],
    ['MalformedPolicyDocumentException', { Policy: '[]' }],
    ['MalformedPolicyDocumentException', { Policy: '{"Statement":[]}' }],
    ['MalformedPolicyDocumentException', { Policy: '{"Statement":[{"Effect":"Allow"}]}' }],
    ['MalformedPolicyDocumentException', { Policy: '{"Statement":[{"Effect":"Maybe","Principal":"*"}]}' }],
    ['MalformedPolicyDocumentException', { Policy: Policy.replace('*', '\u0100') }],
    [
      'MalformedPolicyDocumentException',
      { Policy: under('ForAllValues:StringEquals', 'kms:EncryptionContext:team') },
    ],
    [
      'MalformedPolicyDocumentException',
      { Policy: under('ForAllValues:StringLikeIfExists', 'KMS:encryptioncontext:Team') },
    ],
    ['MalformedPolicyDocumentException', { Policy: under('ForAllValues:StringLike', 'aws:requesttag/team') }],
    ['no exception', { Policy: under('ForAllValues:StringEquals', 'kms:EncryptionContextKeys') }],
    ['no exception', { Policy: under('StringEqualsIfExists', 'kms:EncryptionContext:team') }],
    ['LimitExceededException', { Policy: `${Policy}${' '.repeat(32_768)}` }],
    ['NotFoundException', { PolicyName: 'other' }],
    ['ValidationException', { Policy: '' }],
    ['no exception', { Policy: ONLY_DENIES, BypassPolicyLockoutSafetyCheck: true }],
    ['MalformedPolicyDocumentException', { Policy: ONLY_DENIES }],
    ['MalformedPolicyDocumentException', { Policy: ONLY_DENIES.replace('111122223333', 'a') }],
  ])('is put with %s: %j', async (name, change) => {
    const { client, createKey } = await startKms();
    const put = new PutKeyPolicyCommand({ KeyId: await createKey(), Policy, ...change });
    expect(await refusal(client.send(put))).toBe(name);
  });

  test('has one name', async () => {
    const { client, createKey } = await startKms();
    const get = new GetKeyPolicyCommand({ KeyId: await createKey(), PolicyName: 'other' });
    expect(await refusal(client.send(get))).toBe('NotFoundException');
  });
});

test('the description of a key is replaced', async () => {
  const { client, createKey } = await startKms();
  const KeyId = await createKey({ Description: 'one' });
  await client.send(new UpdateKeyDescriptionCommand({ KeyId, Description: '' }));
  const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
  expect(KeyMetadata?.Description).toBe('');
  const long = new UpdateKeyDescriptionCommand({ KeyId, Description: 'x'.repeat(8193) });
  expect(await refusal(client.send(long))).toBe('ValidationException');
});
