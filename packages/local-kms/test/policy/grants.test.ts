import {
  CreateGrantCommand,
  type CreateGrantCommandInput,
  DecryptCommand,
  EncryptCommand,
  ListGrantsCommand,
  RetireGrantCommand,
} from '@aws-sdk/client-kms';
import type { LocalKmsOptions } from '@holdfast/local-kms';
import { describe, expect, test } from 'vitest';
import { refusal, startKms } from '../fixtures/kms.ts';
import {
  ACCOUNT,
  allow,
  ENABLE_IAM,
  KEY_ARN,
  OTHER_ACCOUNT,
  person,
  rootOf,
  startGuardedKms,
  user,
} from '../fixtures/people.ts';

const Plaintext = Buffer.of(1);

async function startWithGrants(options: LocalKmsOptions = {}) {
  const denied = { Principal: { AWS: user('danny') }, Effect: 'Deny' };
  const kms = await startGuardedKms(
    {
      accounts: {
        [ACCOUNT]: {
          users: {
            admin: person('admin', allow('kms:*')),
            alana: person('alana'),
            carlos: person('carlos'),
            danny: person('danny'),
          },
        },
        [OTHER_ACCOUNT]: { users: { jorge: person('jorge'), olga: person('olga', allow('kms:*')) } },
      },
    },
    [ENABLE_IAM, allow('kms:Encrypt', denied)],
    options,
  );
  const grant = (input: Partial<CreateGrantCommandInput> = {}, by = 'admin') =>
    kms.as(by).send(
      new CreateGrantCommand({
        KeyId: KEY_ARN,
        GranteePrincipal: user('alana'),
        Operations: ['Encrypt'],
        ...input,
      }),
    );
  const encrypt = (name: string, EncryptionContext = {}, GrantTokens?: string[]) =>
    refusal(
      kms.as(name).send(
        new EncryptCommand({
          KeyId: KEY_ARN,
          Plaintext,
          EncryptionContext,
          ...(GrantTokens && { GrantTokens }),
        }),
      ),
    );
  return { ...kms, grant, encrypt };
}

describe('a grant', () => {
  test('permits its operations to its grantee, and nothing else', async () => {
    const { grant, encrypt, as } = await startWithGrants();
    expect(await encrypt('alana')).toBe('AccessDeniedException');
    await grant();
    expect(await encrypt('alana')).toBe('no exception');
    expect(await encrypt('carlos')).toBe('AccessDeniedException');
    const { CiphertextBlob } = await as('admin').send(new EncryptCommand({ KeyId: KEY_ARN, Plaintext }));
    expect(await refusal(as('alana').send(new DecryptCommand({ CiphertextBlob })))).toBe(
      'AccessDeniedException',
    );
  });

  test('does not beat a deny', async () => {
    const { grant, encrypt, local } = await startWithGrants();
    await grant({ GranteePrincipal: user('danny') });
    expect(await encrypt('danny')).toBe('AccessDeniedException');
    expect(local.explain({ principal: 'danny', operation: 'Encrypt', key: KEY_ARN }).reason).toBe(
      'KeyPolicyDenies',
    );
  });

  test('permits a principal of another account, without a policy there', async () => {
    const { grant, encrypt } = await startWithGrants();
    await grant({ GranteePrincipal: user('jorge', OTHER_ACCOUNT) });
    expect(await encrypt('jorge')).toBe('no exception');
    expect(await encrypt('olga')).toBe('AccessDeniedException');
  });

  test('counts at once with its token, and without it after the delay', async () => {
    const { grant, encrypt, local } = await startWithGrants({ grantDelayMs: 300_000 });
    const { GrantToken = '', GrantId } = await grant();
    expect(await encrypt('alana')).toBe('AccessDeniedException');
    const question = { principal: 'alana', operation: 'Encrypt', key: KEY_ARN };
    expect(local.explain(question)).toMatchObject({ reason: 'GrantNotVisibleYet', grantId: GrantId });
    expect(local.explain({ ...question, request: { GrantTokens: [GrantToken] } })).toMatchObject({
      reason: 'GrantAllows',
    });
    expect(await encrypt('alana', {}, [GrantToken])).toBe('no exception');
    expect(await encrypt('alana', {}, ['AAAA'])).toBe('InvalidGrantTokenException');
    local.advanceClock(240_000);
    expect(await encrypt('alana')).toBe('AccessDeniedException');
    local.advanceClock(60_000);
    expect(await encrypt('alana')).toBe('no exception');
  });

  test('holds requests to the context of its constraints', async () => {
    const { grant, encrypt, local } = await startWithGrants();
    await grant({ Constraints: { EncryptionContextSubset: { team: 'a' } } });
    await grant({
      GranteePrincipal: user('carlos'),
      Constraints: { EncryptionContextEquals: { team: 'a', to: 'b' } },
    });
    expect(await encrypt('alana', { team: 'a', more: 'c' })).toBe('no exception');
    expect(await encrypt('alana', { TEAM: 'a' })).toBe('no exception');
    expect(await encrypt('alana', { team: 'A' })).toBe('AccessDeniedException');
    expect(await encrypt('alana')).toBe('AccessDeniedException');
    expect(await encrypt('carlos', { to: 'b', team: 'a' })).toBe('no exception');
    expect(await encrypt('carlos', { team: 'a', to: 'b', more: 'c' })).toBe('AccessDeniedException');
    expect(local.explain({ principal: 'alana', operation: 'Encrypt', key: KEY_ARN }).reason).toBe(
      'GrantConstraintsNotMet',
    );
  });

  test.each(['Encrypt', 'DescribeKey', 'CreateGrant'] as const)(
    'for what comes from a resource permits nobody here: %s',
    async (operation) => {
      const { grant, local } = await startWithGrants();
      const SourceArn = 'arn:aws:s3:::bucket-of-the-tests';
      await grant({ Operations: [operation], Constraints: { SourceArn } });
      const request = { Operations: [operation], Constraints: { SourceArn } };
      expect(local.explain({ principal: 'alana', operation, key: KEY_ARN, request }).reason).toBe(
        'GrantConstraintsNotMet',
      );
    },
  );

  test('with a constraint named __proto__ is not made', async () => {
    const { url, local, createKey } = await startKms();
    const headers = { 'x-amz-target': 'TrentService.CreateGrant' };
    const KeyId = await createKey();
    for (const constraint of ['EncryptionContextSubset', 'EncryptionContextEquals']) {
      const grant = { KeyId, GranteePrincipal: user('alana'), Operations: ['Encrypt'] };
      const Constraints = `{"${constraint}":{"__proto__":"a"}}`;
      const body = `${JSON.stringify(grant).slice(0, -1)},"Constraints":${Constraints}}`;
      await fetch(url, { method: 'POST', headers, body });
      expect(local.auditEvents().at(-1)?.errorCode).toBe('ValidationException');
    }
  });

  test('with CreateGrant makes grants that permit no more than itself', async () => {
    const { grant } = await startWithGrants();
    const narrow = { EncryptionContextSubset: { team: 'a' } };
    await grant({ Operations: ['CreateGrant', 'Encrypt'], Constraints: narrow });
    const next = (input: Partial<CreateGrantCommandInput>) =>
      refusal(grant({ GranteePrincipal: user('carlos'), ...input }, 'alana'));
    expect(await next({ Constraints: narrow })).toBe('no exception');
    expect(await next({ Constraints: { EncryptionContextEquals: { team: 'a', to: 'b' } } })).toBe(
      'no exception',
    );
    expect(await next({})).toBe('AccessDeniedException');
    expect(await next({ Constraints: { EncryptionContextSubset: { team: 'b' } } })).toBe(
      'AccessDeniedException',
    );
    expect(await next({ Constraints: narrow, Operations: ['Encrypt', 'Decrypt'] })).toBe(
      'AccessDeniedException',
    );
  });

  test('with CreateGrant for one context alone makes grants for no other', async () => {
    const { grant } = await startWithGrants();
    const exact = { EncryptionContextEquals: { team: 'a' } };
    await grant({ Operations: ['CreateGrant', 'Encrypt'], Constraints: exact });
    const next = (Constraints?: CreateGrantCommandInput['Constraints']) =>
      refusal(grant({ GranteePrincipal: user('carlos'), Constraints }, 'alana'));
    expect(await next(exact)).toBe('no exception');
    for (const wider of [
      undefined,
      { EncryptionContextSubset: { team: 'a' } },
      { EncryptionContextEquals: { team: 'a', to: 'b' } },
      { EncryptionContextEquals: { team: 'b' } },
    ]) {
      expect(await next(wider)).toBe('AccessDeniedException');
    }
  });

  test('is retired by its retiring principal, its grantee if it says so, and who the account lets', async () => {
    const { grant, as } = await startWithGrants();
    const retire = (name: string, GrantId: string | undefined) =>
      refusal(as(name).send(new RetireGrantCommand({ KeyId: KEY_ARN, GrantId })));
    const first = await grant({ RetiringPrincipal: user('carlos') });
    expect(await retire('alana', first.GrantId)).toBe('AccessDeniedException');
    expect(await retire('carlos', first.GrantId)).toBe('no exception');
    const second = await grant({ Operations: ['Encrypt', 'RetireGrant'] });
    expect(await retire('carlos', second.GrantId)).toBe('AccessDeniedException');
    const byToken = new RetireGrantCommand({ GrantToken: second.GrantToken });
    expect(await refusal(as('carlos').send(byToken))).toBe('AccessDeniedException');
    expect(await refusal(as('alana').send(byToken))).toBe('no exception');
    const third = await grant({ RetiringPrincipal: user('jorge', OTHER_ACCOUNT) });
    expect(await retire('olga', third.GrantId)).toBe('AccessDeniedException');
    expect(await retire('jorge', third.GrantId)).toBe('no exception');
    expect(await retire('admin', (await grant()).GrantId)).toBe('no exception');
    expect((await as('admin').send(new ListGrantsCommand({ KeyId: KEY_ARN }))).Grants).toEqual([]);
  });

  test('is retired against a deny of the key policy, and not against one of an identity policy', async () => {
    const deny = allow('kms:RetireGrant', { Effect: 'Deny' });
    const users = {
      admin: person('admin', allow('kms:*')),
      alana: person('alana'),
      danny: person('danny', deny),
    };
    const { as } = await startGuardedKms({ accounts: { [ACCOUNT]: { users } } }, [
      ENABLE_IAM,
      { ...deny, Principal: '*' },
    ]);
    const retireBy = async (name: string) => {
      const GranteePrincipal = user(name);
      const input = { KeyId: KEY_ARN, GranteePrincipal, RetiringPrincipal: GranteePrincipal };
      const create = new CreateGrantCommand({ ...input, Operations: ['Encrypt'] });
      const { GrantId } = await as('admin').send(create);
      return refusal(as(name).send(new RetireGrantCommand({ KeyId: KEY_ARN, GrantId })));
    };
    expect(await retireBy('alana')).toBe('no exception');
    expect(await retireBy('danny')).toBe('AccessDeniedException');
  });

  test.each([
    ['kms:EncryptionContext:team', 'a'],
    ['kms:EncryptionContextKeys', 'team'],
    ['kms:GrantConstraintType', 'EncryptionContextSubset'],
  ])('is retired under conditions on its constraints: %s', async (name, value) => {
    const Condition = { 'ForAnyValue:StringEquals': { [name]: value } };
    const carlos = person('carlos', allow('kms:RetireGrant', { Condition }));
    const users = { admin: person('admin', allow('kms:*')), carlos };
    const { as } = await startGuardedKms({ accounts: { [ACCOUNT]: { users } } }, [ENABLE_IAM]);
    const input = { KeyId: KEY_ARN, GranteePrincipal: user('alana'), Operations: ['Encrypt' as const] };
    for (const [team, answer] of [
      ['a', 'no exception'],
      [undefined, 'AccessDeniedException'],
    ] as const) {
      const Constraints = team === undefined ? undefined : { EncryptionContextSubset: { team } };
      for (const isByToken of [true, false]) {
        const made = await as('admin').send(new CreateGrantCommand({ ...input, Constraints }));
        const { GrantId, GrantToken } = made;
        const retire = new RetireGrantCommand(isByToken ? { GrantToken } : { KeyId: KEY_ARN, GrantId });
        expect(await refusal(as('carlos').send(retire))).toBe(answer);
      }
    }
  });

  test('for an account is for nobody in it whom no policy lets', async () => {
    const { grant, encrypt } = await startWithGrants();
    await grant({ GranteePrincipal: rootOf(OTHER_ACCOUNT) });
    expect(await encrypt('jorge')).toBe('AccessDeniedException');
  });
});
