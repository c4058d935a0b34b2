import {
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateRandomCommand,
  ListKeysCommand,
  ListRetirableGrantsCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { refusal, refusals } from '../fixtures/kms.ts';
import {
  ACCOUNT,
  allow,
  ENABLE_IAM,
  KEY_ARN,
  KEY_ID,
  OTHER_ACCOUNT,
  person,
  policy,
  rootOf,
  type Statement,
  startGuardedKms,
  user,
} from '../fixtures/people.ts';

const Plaintext = Buffer.of(1);
const encrypt = new EncryptCommand({ KeyId: KEY_ARN, Plaintext });

describe('principals of another account', () => {
  const start = (...statements: readonly Statement[]) =>
    startGuardedKms(
      {
        accounts: {
          [ACCOUNT]: { root: { accessKeys: person('owner').accessKeys } },
          [OTHER_ACCOUNT]: {
            root: { accessKeys: person('root').accessKeys },
            users: { olga: person('olga', allow('kms:*')), ivan: person('ivan') },
          },
        },
      },
      statements,
    );

  test('need the key policy and a policy of their own', async () => {
    const { as, local } = await start(
      ENABLE_IAM,
      allow('kms:*', { Principal: { AWS: rootOf(OTHER_ACCOUNT) } }),
    );
    expect(
      await refusals([as('olga').send(encrypt), as('ivan').send(encrypt), as('root').send(encrypt)]),
    ).toEqual(['no exception', 'AccessDeniedException', 'no exception']);
    expect(local.explain({ principal: 'olga', operation: 'Encrypt', key: KEY_ARN }).reason).toBe(
      'BothPoliciesAllow',
    );
  });

  test('are not let in by their own policy alone', async () => {
    const { as, local } = await start(ENABLE_IAM);
    expect(await refusal(as('olga').send(encrypt))).toBe('AccessDeniedException');
    expect(local.explain({ principal: 'olga', operation: 'Encrypt', key: KEY_ARN }).reason).toBe(
      'KeyPolicyMissing',
    );
  });

  test('list what they may retire, in their own account', async () => {
    const { as } = await start(ENABLE_IAM);
    const [own, others] = [user('olga', OTHER_ACCOUNT), user('alana')];
    for (const RetiringPrincipal of [own, others]) {
      const grant = { GranteePrincipal: user('danny'), Operations: ['Encrypt' as const] };
      await as('owner').send(new CreateGrantCommand({ ...grant, KeyId: KEY_ID, RetiringPrincipal }));
    }
    const listOf = (RetiringPrincipal: string) => new ListRetirableGrantsCommand({ RetiringPrincipal });
    expect((await as('olga').send(listOf(own))).Grants).toMatchObject([{ RetiringPrincipal: own }]);
    expect(
      await refusals([
        as('olga').send(listOf(others)),
        as('ivan').send(listOf(own)),
        as('root').send(listOf(own)),
        as('owner').send(listOf(others)),
        as('owner').send(listOf(own)),
      ]),
    ).toEqual([
      'AccessDeniedException',
      'AccessDeniedException',
      'no exception',
      'no exception',
      'AccessDeniedException',
    ]);
  });

  test('use keys but do not manage them, name them by their ARN, and have nothing here but random bytes', async () => {
    const { as } = await start(ENABLE_IAM, allow('kms:*', { Principal: '*' }));
    const olga = as('olga');
    const random = new GenerateRandomCommand({ NumberOfBytes: 1 });
    expect(await refusals([olga.send(random), as('ivan').send(random)])).toEqual([
      'no exception',
      'AccessDeniedException',
    ]);
    expect(
      await refusals([
        olga.send(new DescribeKeyCommand({ KeyId: KEY_ARN })),
        olga.send(new DescribeKeyCommand({ KeyId: KEY_ID })),
        olga.send(new DescribeKeyCommand({ KeyId: 'alias/orders' })),
        olga.send(new ScheduleKeyDeletionCommand({ KeyId: KEY_ARN })),
        olga.send(new CreateKeyCommand()),
      ]),
    ).toEqual([
      'no exception',
      'NotFoundException',
      'NotFoundException',
      'AccessDeniedException',
      'AccessDeniedException',
    ]);
  });
});

describe('what is on no key', () => {
  test('is for identity policies to allow, and for the root user', async () => {
    const { as } = await startGuardedKms(
      {
        accounts: {
          [ACCOUNT]: {
            root: { accessKeys: person('root').accessKeys },
            users: { alana: person('alana', allow('kms:ListKeys')), danny: person('danny') },
          },
        },
      },
      [allow('kms:*', { Principal: '*' })],
    );
    const list = new ListKeysCommand();
    const random = new GenerateRandomCommand({ NumberOfBytes: 1 });
    expect(
      await refusals([
        as('alana').send(list),
        as('danny').send(list),
        as('root').send(list),
        as('alana').send(random),
        as('root').send(random),
      ]),
    ).toEqual([
      'no exception',
      'AccessDeniedException',
      'no exception',
      'AccessDeniedException',
      'no exception',
    ]);
  });

  test('an alias takes a permission on itself and one on its key', async () => {
    const onKey = { Resource: KEY_ARN };
    const onAlias = { Resource: `arn:aws:kms:eu-north-1:${ACCOUNT}:alias/a*` };
    const { as } = await startGuardedKms(
      {
        accounts: {
          [ACCOUNT]: {
            users: {
              key: person('key', allow('kms:CreateAlias', onKey)),
              alias: person('alias', allow('kms:CreateAlias', onAlias)),
              both: person('both', allow('kms:CreateAlias', onKey), allow('kms:CreateAlias', onAlias)),
            },
          },
        },
      },
      [ENABLE_IAM],
    );
    const create = (name: string, AliasName = 'alias/a') =>
      refusal(as(name).send(new CreateAliasCommand({ AliasName, TargetKeyId: KEY_ID })));
    expect(await create('key')).toBe('AccessDeniedException');
    expect(await create('alias')).toBe('AccessDeniedException');
    expect(await create('both', 'alias/b')).toBe('AccessDeniedException');
    expect(await create('both')).toBe('no exception');
  });
});

test('ReEncrypt takes one permission for each of its keys', async () => {
  const { as } = await startGuardedKms(
    {
      accounts: {
        [ACCOUNT]: {
          users: {
            from: person('from', allow('kms:Encrypt'), allow('kms:ReEncryptFrom')),
            both: person('both', allow('kms:ReEncrypt*')),
          },
        },
      },
    },
    [ENABLE_IAM],
  );
  const { CiphertextBlob } = await as('from').send(encrypt);
  const reEncrypt = new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: KEY_ID });
  expect(await refusals([as('from').send(reEncrypt), as('both').send(reEncrypt)])).toEqual([
    'AccessDeniedException',
    'no exception',
  ]);
});

test('a session of a role is named by its role and by itself', async () => {
  const role = { accessKeys: [{ accessKeyId: 'APP', secretAccessKey: 'app-secret', sessionName: 'one' }] };
  const roleArn = `arn:aws:iam::${ACCOUNT}:role/app`;
  const sessionArn = `arn:aws:sts::${ACCOUNT}:assumed-role/app/one`;
  for (const [AWS, answer] of [
    [roleArn, 'no exception'],
    [sessionArn, 'no exception'],
    [`arn:aws:sts::${ACCOUNT}:assumed-role/app/two`, 'AccessDeniedException'],
  ] as const) {
    const { as } = await startGuardedKms({ accounts: { [ACCOUNT]: { roles: { app: role } } } }, [
      allow('kms:Encrypt', { Principal: { AWS } }),
    ]);
    expect(await refusal(as('app').send(encrypt))).toBe(answer);
  }
});

describe('the lockout check of PutKeyPolicy', () => {
  const start = () =>
    startGuardedKms({ accounts: { [ACCOUNT]: { users: { alana: person('alana', allow('kms:*')) } } } }, [
      ENABLE_IAM,
    ]);
  const put = (statement: Statement, BypassPolicyLockoutSafetyCheck?: boolean) =>
    new PutKeyPolicyCommand({
      KeyId: KEY_ID,
      Policy: JSON.stringify(policy(statement)),
      BypassPolicyLockoutSafetyCheck,
    });

  test('refuses a policy that would keep the caller from putting the next', async () => {
    const { as } = await start();
    const others = allow('kms:*', { Principal: { AWS: user('danny') } });
    expect(await refusal(as('alana').send(put(others)))).toBe('MalformedPolicyDocumentException');
    expect(await refusal(as('alana').send(put(ENABLE_IAM)))).toBe('no exception');
    expect(await refusal(as('alana').send(put(others, true)))).toBe('no exception');
    expect(await refusal(as('alana').send(put(ENABLE_IAM)))).toBe('AccessDeniedException');
  });

  test('is made for new keys too', async () => {
    const { as } = await start();
    const Policy = JSON.stringify(policy(allow('kms:Encrypt', { Principal: { AWS: user('alana') } })));
    expect(await refusal(as('alana').send(new CreateKeyCommand({ Policy })))).toBe(
      'MalformedPolicyDocumentException',
    );
    const bypass = new CreateKeyCommand({ Policy, BypassPolicyLockoutSafetyCheck: true });
    expect(await refusal(as('alana').send(bypass))).toBe('no exception');
    // Before anything is asked for that only the key needs.
    const external = { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId: 'cks-0', XksKeyId: 'key' } as const;
    expect(await refusal(as('alana').send(new CreateKeyCommand({ Policy, ...external })))).toBe(
      'MalformedPolicyDocumentException',
    );
  });

  test('takes the next request to say of the check what this one does', async () => {
    const { as } = await start();
    const said = allow('kms:*', {
      Principal: { AWS: user('alana') },
      Condition: { Bool: { 'kms:BypassPolicyLockoutSafetyCheck': 'false' } },
    });
    expect(await refusal(as('alana').send(put(said)))).toBe('MalformedPolicyDocumentException');
    expect(await refusal(as('alana').send(put(said, false)))).toBe('no exception');
    expect(await refusal(as('alana').send(put(said, false)))).toBe('no exception');
  });

  test.each<[string, string, string, string]>([
    ['StringEquals', 'aws:ResourceTag/team', 'a', 'b'],
    ['IpAddress', 'aws:SourceIp', '127.0.0.0/8', '10.0.0.0/8'],
    ['StringLike', 'aws:UserAgent', 'aws-sdk-js/*', 'curl/*'],
    ['StringEquals', 'kms:KeyOrigin', 'AWS_KMS', 'EXTERNAL'],
  ])('knows the key and the request: %s %s', async (operator, name, right, wrong) => {
    const { as } = await start();
    const Tags = [{ TagKey: 'team', TagValue: 'a' }];
    for (const [value, answer] of [
      [wrong, 'MalformedPolicyDocumentException'],
      [right, 'no exception'],
    ] as const) {
      const statement = { ...ENABLE_IAM, Condition: { [operator]: { [name]: value } } };
      const create = new CreateKeyCommand({ Policy: JSON.stringify(policy(statement)), Tags });
      expect(await refusal(as('alana').send(create))).toBe(answer);
      expect(await refusal(as('alana').send(put(statement)))).toBe(answer);
    }
  });

  test('knows the aliases of the key', async () => {
    const { as } = await start();
    const under = (alias: string) =>
      put({ ...ENABLE_IAM, Condition: { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': alias } } });
    expect(await refusal(as('alana').send(under('alias/others')))).toBe('MalformedPolicyDocumentException');
    expect(await refusal(as('alana').send(under('alias/orders')))).toBe('no exception');
  });
});

test.each<[string, boolean]>([
  ['arn:aws:kms', true],
  ['arn:aws:kms:eu-north-1', true],
  ['arn:aws:kms:us-west-2', false],
  [`arn:aws:kms:eu-north-1:${ACCOUNT}`, true],
  ['arn:aws:kms:*:key/*', true],
  ['arn:aws:s3', false],
])('an ARN in an identity policy has any value in the parts that it lacks: %s', async (Resource, isMeant) => {
  const users = {
    alana: person('alana', allow('kms:*'), allow('kms:*', { Effect: 'Deny', Resource })),
    danny: person('danny', allow('kms:*', { Resource: undefined, NotResource: Resource })),
  };
  const { local } = await startGuardedKms({ accounts: { [ACCOUNT]: { users } } }, [ENABLE_IAM]);
  for (const principal of ['alana', 'danny']) {
    expect(local.explain({ principal, operation: 'Encrypt', key: KEY_ID }).allowed).toBe(!isMeant);
  }
});

test.each([ACCOUNT, rootOf(ACCOUNT)])(
  'a deny to all but the account %s is none to its root user',
  async (AWS) => {
    const denied = { Effect: 'Deny', Principal: undefined, NotPrincipal: { AWS } };
    const users = { alana: person('alana', allow('kms:*')) };
    const { local } = await startGuardedKms({ accounts: { [ACCOUNT]: { users } } }, [
      ENABLE_IAM,
      allow('kms:Encrypt', denied),
    ]);
    const reasonFor = (principal: string) =>
      local.explain({ principal, operation: 'Encrypt', key: KEY_ID }).reason;
    expect(reasonFor(rootOf(ACCOUNT))).toBe('RootUser');
    expect(reasonFor('alana')).toBe('KeyPolicyDenies');
  },
);
