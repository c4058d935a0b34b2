import {
  CreateGrantCommand,
  type CreateGrantCommandInput,
  DisableKeyCommand,
  ListGrantsCommand,
  ListRetirableGrantsCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { present, refusal, SCOPE, startKms } from '../fixtures/kms.ts';

const GranteePrincipal = 'arn:aws:iam::111122223333:user/grantee';
const RetiringPrincipal = 'arn:aws:iam::111122223333:role/retiring';
const NINE_PAIRS = Object.fromEntries(Array.from('abcdefghi').map((name) => [name, 'value']));

async function startKmsWithGrant(input: Partial<CreateGrantCommandInput> = {}) {
  const kms = await startKms();
  const KeyId = await kms.createKey();
  const grant = (change: Partial<CreateGrantCommandInput> = {}) =>
    kms.client.send(
      new CreateGrantCommand({ KeyId, GranteePrincipal, Operations: ['Encrypt'], ...input, ...change }),
    );
  const grants = async (filter: object = {}) =>
    (await kms.client.send(new ListGrantsCommand({ KeyId, ...filter }))).Grants;
  return { ...kms, KeyId, grant, grants, created: await grant() };
}

describe('a grant', () => {
  test('is listed with all that it was created with', async () => {
    const Constraints = { EncryptionContextSubset: { a: 'b' } };
    const input = { Name: 'mine', RetiringPrincipal, Constraints };
    const { created, grants, KeyId } = await startKmsWithGrant(input);
    expect(created.GrantId).toMatch(/^[0-9a-f]{64}$/);
    expect(await grants()).toMatchObject([
      {
        KeyId: `arn:aws:kms:${SCOPE}:key/${KeyId}`,
        GrantId: created.GrantId,
        GranteePrincipal,
        Operations: ['Encrypt'],
        IssuingAccount: 'arn:aws:iam::111122223333:root',
        ...input,
      },
    ]);
  });

  test('is the same under one name with the same parameters, with another token', async () => {
    const { created, grant, grants } = await startKmsWithGrant({ Name: 'mine' });
    const again = await grant();
    expect(again.GrantId).toBe(created.GrantId);
    expect(again.GrantToken).not.toBe(created.GrantToken);
    expect((await grant({ Operations: ['Decrypt'] })).GrantId).not.toBe(created.GrantId);
    expect((await grant({ Name: undefined })).GrantId).not.toBe((await grant({ Name: undefined })).GrantId);
    expect(await grants()).toHaveLength(4);
  });

  test('is found by its id and its grantee', async () => {
    const { created, grant, grants } = await startKmsWithGrant();
    const other = 'arn:aws:iam::111122223333:user/other';
    await grant({ GranteePrincipal: other });
    expect(await grants({ GrantId: created.GrantId })).toMatchObject([{ GranteePrincipal }]);
    expect(await grants({ GranteePrincipal: other })).toMatchObject([{ GranteePrincipal: other }]);
    expect(await refusal(grants({ GrantId: 'none' }))).toBe('InvalidGrantIdException');
  });

  test('is listed for who may retire it', async () => {
    const { client, created } = await startKmsWithGrant({ RetiringPrincipal });
    const list = async (principal: string) =>
      (await client.send(new ListRetirableGrantsCommand({ RetiringPrincipal: principal }))).Grants;
    expect(await list(RetiringPrincipal)).toMatchObject([{ GrantId: created.GrantId }]);
    expect(await list(GranteePrincipal)).toEqual([]);
  });

  test('ends when it is revoked, or retired by id or by any of its tokens', async () => {
    const { client, KeyId, grant, grants, created } = await startKmsWithGrant();
    const dry = new RevokeGrantCommand({ KeyId, GrantId: created.GrantId, DryRun: true });
    expect(await refusal(client.send(dry))).toBe('DryRunOperationException');
    const revoke = new RevokeGrantCommand({ KeyId, GrantId: created.GrantId });
    await client.send(revoke);
    expect(await refusal(client.send(revoke))).toBe('InvalidGrantIdException');
    const second = await grant();
    await client.send(new RetireGrantCommand({ KeyId, GrantId: second.GrantId }));
    const third = await grant();
    const byToken = new RetireGrantCommand({ GrantToken: third.GrantToken });
    await client.send(byToken);
    expect(await refusal(client.send(byToken))).toBe('InvalidGrantTokenException');
    expect(await grants()).toEqual([]);
  });

  test.each([{}, { GrantId: 'a' }, { GrantToken: 'a', GrantId: 'b' }])(
    'is not retired as %j',
    async (input) => {
      const { client } = await startKms();
      expect(await refusal(client.send(new RetireGrantCommand(input)))).toBe('ValidationException');
    },
  );

  test('belongs to one key', async () => {
    const { client, created, createKey } = await startKmsWithGrant();
    const GrantId = present(created.GrantId);
    const revoke = new RevokeGrantCommand({ KeyId: await createKey(), GrantId });
    expect(await refusal(client.send(revoke))).toBe('InvalidGrantIdException');
  });

  test.each<[string, Partial<CreateGrantCommandInput>]>([
    ['ValidationException', { Operations: [] }],
    ['ValidationException', { Operations: ['Sign'] }],
    ['ValidationException', { Name: 'a b' }],
    ['ValidationException', { Constraints: { EncryptionContextEquals: NINE_PAIRS } }],
    ['ValidationException', { Constraints: { EncryptionContextSubset: { a: 'x'.repeat(385) } } }],
    ['InvalidArnException', { GranteePrincipal: 'alana' }],
    ['InvalidArnException', { RetiringPrincipal: 'arn:aws:s3:::bucket' }],
    ['UnsupportedOperationException', { GranteeServicePrincipal: 'a.amazonaws.com' }],
    ['NotFoundException', { KeyId: 'alias/a' }],
    ['DryRunOperationException', { DryRun: true }],
  ])('is refused with %s: %j', async (name, change) => {
    const { grant, grants } = await startKmsWithGrant();
    expect(await refusal(grant(change))).toBe(name);
    expect(await grants()).toHaveLength(1);
  });

  test('is made for an enabled key', async () => {
    const { client, grant, KeyId } = await startKmsWithGrant();
    await client.send(new DisableKeyCommand({ KeyId }));
    expect(await refusal(grant())).toBe('DisabledException');
    await client.send(new ScheduleKeyDeletionCommand({ KeyId }));
    expect(await refusal(grant())).toBe('KMSInvalidStateException');
  });

  test('goes with what its key is for', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    const input = { KeyId, GranteePrincipal, Operations: ['Sign', 'GetPublicKey'] } as const;
    const create = (change: object) =>
      refusal(
        client.send(new CreateGrantCommand({ ...input, Operations: [...input.Operations], ...change })),
      );
    expect(await create({})).toBe('no exception');
    expect(await create({ Operations: ['GenerateDataKey'] })).toBe('ValidationException');
    const Constraints = { EncryptionContextEquals: { a: 'b' } };
    expect(await create({ Constraints })).toBe('ValidationException');
  });
});
