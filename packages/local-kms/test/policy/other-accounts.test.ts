import {
  CreateGrantCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  type KMSClient,
  ReEncryptCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { present } from '../fixtures/kms.ts';
import {
  ACCOUNT,
  allow,
  ENABLE_IAM,
  KEY_ARN,
  KEY_ID,
  OTHER_ACCOUNT,
  person,
  type Statement,
  startGuardedKms,
  user,
} from '../fixtures/people.ts';

const OTHER_KEY_ID = 'bbbbbbbb-0000-4000-8000-000000000000';
const OUTSIDERS = ['olga', 'ivan', 'root'];
const GrantId = 'a'.repeat(64);
const Plaintext = Buffer.of(1);
const arnOf = (resource: string) => KEY_ARN.replace(`key/${KEY_ID}`, resource);

function start(...statements: readonly Statement[]) {
  const users = { olga: person('olga', allow('kms:*')), ivan: person('ivan') };
  const accounts = {
    [ACCOUNT]: { root: { accessKeys: person('owner').accessKeys } },
    [OTHER_ACCOUNT]: { root: { accessKeys: person('root').accessKeys }, users },
  };
  return startGuardedKms({ accounts }, statements);
}

/** What a call is refused with. */
async function exceptionOf(call: Promise<unknown>) {
  try {
    await call;
  } catch (error) {
    if (error instanceof Error) return { name: error.name, message: error.message };
  }
  return { name: 'no exception', message: '' };
}

describe('principals of another account', () => {
  test.each<[string, (client: KMSClient, KeyId: string) => Promise<unknown>]>([
    ['DescribeKey', (client, KeyId) => client.send(new DescribeKeyCommand({ KeyId }))],
    ['Encrypt', (client, KeyId) => client.send(new EncryptCommand({ KeyId, Plaintext }))],
    ['ScheduleKeyDeletion', (client, KeyId) => client.send(new ScheduleKeyDeletionCommand({ KeyId }))],
    ['RevokeGrant', (client, KeyId) => client.send(new RevokeGrantCommand({ KeyId, GrantId }))],
    ['RetireGrant', (client, KeyId) => client.send(new RetireGrantCommand({ KeyId, GrantId }))],
  ])('cannot tell what is closed to them from what is not there: %s', async (_operation, call) => {
    const deny = allow('kms:*', { Effect: 'Deny', Principal: { AWS: user('olga', OTHER_ACCOUNT) } });
    for (const statements of [[ENABLE_IAM], [ENABLE_IAM, deny]]) {
      const { as } = await start(...statements);
      for (const outsider of OUTSIDERS) {
        const ofKey = await exceptionOf(call(as(outsider), KEY_ARN));
        const ofNoKey = await exceptionOf(call(as(outsider), arnOf(`key/${OTHER_KEY_ID}`)));
        expect(ofKey.name).toBe('AccessDeniedException');
        expect(ofNoKey.message.replace(OTHER_KEY_ID, KEY_ID)).toBe(ofKey.message);
        const ofAlias = await exceptionOf(call(as(outsider), arnOf('alias/orders')));
        const ofNoAlias = await exceptionOf(call(as(outsider), arnOf('alias/nothing')));
        expect(ofNoAlias.name).toBe(ofAlias.name);
        expect(ofNoAlias.message.replace('alias/nothing', 'alias/orders')).toBe(ofAlias.message);
        expect(ofAlias.message).not.toContain(KEY_ID);
      }
    }
  });

  test('cannot tell a ciphertext of a key that is closed to them from one of no key', async () => {
    const { as } = await start(ENABLE_IAM);
    const encrypted = await as('owner').send(new EncryptCommand({ KeyId: KEY_ID, Plaintext }));
    const CiphertextBlob = Buffer.from(present(encrypted.CiphertextBlob));
    const ofNoKey = Buffer.from(CiphertextBlob.toString('latin1').replace(KEY_ID, OTHER_KEY_ID), 'latin1');
    const calls = [
      (client: KMSClient, blob: Uint8Array) => client.send(new DecryptCommand({ CiphertextBlob: blob })),
      (client: KMSClient, blob: Uint8Array) =>
        client.send(new ReEncryptCommand({ CiphertextBlob: blob, DestinationKeyId: KEY_ARN })),
    ];
    for (const outsider of OUTSIDERS) {
      for (const call of calls) {
        const refused = await exceptionOf(call(as(outsider), CiphertextBlob));
        expect(refused.name).toBe('AccessDeniedException');
        expect(refused.message).not.toContain(KEY_ID);
        expect(await exceptionOf(call(as(outsider), ofNoKey))).toEqual(refused);
      }
      const withToken = (blob: Uint8Array) =>
        exceptionOf(as(outsider).send(new DecryptCommand({ CiphertextBlob: blob, GrantTokens: ['none'] })));
      expect(await withToken(ofNoKey)).toEqual(await withToken(CiphertextBlob));
    }
  });

  test('are not told which key the token is of that they may not use', async () => {
    const { as } = await start(ENABLE_IAM);
    const Operations = ['Encrypt' as const];
    const grant = new CreateGrantCommand({ KeyId: KEY_ID, GranteePrincipal: user('danny'), Operations });
    const { GrantToken } = await as('owner').send(grant);
    const refused = await exceptionOf(as('olga').send(new RetireGrantCommand({ GrantToken })));
    expect(refused.name).toBe('AccessDeniedException');
    expect(refused.message).not.toContain(KEY_ID);
  });

  test('are explained to an administrator as they are', async () => {
    const { local } = await start(ENABLE_IAM);
    const question = { principal: 'olga', operation: 'Decrypt' };
    expect(local.explain({ ...question, key: 'alias/orders' })).toMatchObject({
      reason: 'KeyPolicyMissing',
      resource: KEY_ARN,
    });
    const notFound: unknown = expect.objectContaining({ code: 'NotFoundException' });
    expect(() => local.explain({ ...question, key: OTHER_KEY_ID })).toThrow(notFound);
  });
});
