import {
  CreateAliasCommand,
  CreateKeyCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateRandomCommand,
  ListKeysCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import type { AccessQuestion } from '@holdfast/local-kms';
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
  });
});

describe('a condition', () => {
  const request = { EncryptionContext: { Team: 'a', to: 'b' } };
  test.each<[boolean, string, string, string | string[], Partial<AccessQuestion>]>([
    [true, 'StringEquals', 'kms:EncryptionContext:team', 'a', { request }],
    [false, 'StringEquals', 'kms:EncryptionContext:team', 'A', { request }],
    [false, 'StringEquals', 'kms:EncryptionContext:team', 'a', {}],
    [true, 'ForAllValues:StringEquals', 'kms:EncryptionContextKeys', ['Team', 'to'], { request }],
    [false, 'ForAllValues:StringEquals', 'kms:EncryptionContextKeys', ['team', 'to'], { request }],
    [true, 'StringEquals', 'kms:CallerAccount', ACCOUNT, {}],
    [false, 'StringEquals', 'kms:ViaService', 's3.eu-north-1.amazonaws.com', {}],
    [
      true,
      'StringEquals',
      'kms:ViaService',
      's3.eu-north-1.amazonaws.com',
      { conditionKeys: { 'kms:ViaService': 's3.eu-north-1.amazonaws.com' } },
    ],
    [true, 'StringEquals', 'kms:KeySpec', 'SYMMETRIC_DEFAULT', {}],
    [true, 'StringEquals', 'kms:KeyUsage', 'ENCRYPT_DECRYPT', {}],
    [true, 'StringEquals', 'kms:KeyOrigin', 'AWS_KMS', {}],
    [true, 'Bool', 'kms:MultiRegion', 'false', {}],
    [false, 'StringEquals', 'kms:MultiRegionKeyType', 'PRIMARY', {}],
    [
      true,
      'StringEquals',
      'kms:EncapsulationAlgorithm',
      'ML_KEM',
      { operation: 'Decapsulate', request: { EncapsulationAlgorithm: 'ML_KEM' } },
    ],
    [true, 'StringEquals', 'kms:RequestAlias', 'alias/orders', { request: { KeyId: 'alias/orders' } }],
    [false, 'StringEquals', 'kms:RequestAlias', 'alias/orders', { request: { KeyId: KEY_ID } }],
    [true, 'ForAnyValue:StringLike', 'kms:ResourceAliases', 'alias/o*', {}],
    [true, 'StringEquals', 'kms:EncryptionAlgorithm', 'SYMMETRIC_DEFAULT', {}],
    [true, 'StringEquals', 'aws:ResourceTag/Team', 'a', {}],
    [true, 'StringEquals', 'aws:PrincipalTag/team', '${aws:ResourceTag/team}', {}],
    [true, 'ArnLike', 'aws:PrincipalArn', `arn:aws:iam::${ACCOUNT}:user/*`, {}],
    [true, 'StringEquals', 'aws:username', 'alana', {}],
    [true, 'DateGreaterThan', 'aws:CurrentTime', '2020-01-01T00:00:00Z', {}],
    [true, 'Bool', 'aws:SecureTransport', 'false', {}],
    [true, 'Null', 'aws:SourceIp', 'true', {}],
    [true, 'IpAddress', 'aws:SourceIp', '10.0.0.0/8', { conditionKeys: { 'aws:SourceIp': '10.1.1.1' } }],
    [true, 'Bool', 'kms:GrantIsForAWSResource', 'false', { operation: 'CreateGrant' }],
    [
      true,
      'ForAllValues:StringEquals',
      'kms:GrantOperations',
      ['Encrypt', 'Decrypt'],
      { operation: 'CreateGrant', request: { Operations: ['Decrypt'] } },
    ],
    [
      false,
      'ForAllValues:StringEquals',
      'kms:GrantOperations',
      'Encrypt',
      { operation: 'CreateGrant', request: { Operations: ['Decrypt'] } },
    ],
    [
      true,
      'StringEquals',
      'kms:GranteePrincipal',
      user('danny'),
      { operation: 'CreateGrant', request: { GranteePrincipal: user('danny') } },
    ],
    [
      true,
      'StringEquals',
      'kms:GrantConstraintType',
      'EncryptionContextSubset',
      { operation: 'CreateGrant', request: { Constraints: { EncryptionContextSubset: { a: 'b' } } } },
    ],
    [
      true,
      'NumericGreaterThanEquals',
      'kms:ScheduleKeyDeletionPendingWindowInDays',
      '14',
      { operation: 'ScheduleKeyDeletion', request: { PendingWindowInDays: 30 } },
    ],
    [
      true,
      'StringEquals',
      'aws:RequestTag/team',
      'a',
      { operation: 'TagResource', request: { Tags: [{ TagKey: 'team', TagValue: 'a' }] } },
    ],
    [
      true,
      'ForAllValues:StringEquals',
      'aws:TagKeys',
      ['team'],
      { operation: 'UntagResource', request: { TagKeys: ['team'] } },
    ],
  ])('is met (%s): %s %s %j', async (met, operator, key, value, question) => {
    const Condition = { [operator]: { [key]: value } };
    const { local } = await startGuardedKms(
      {
        accounts: {
          [ACCOUNT]: {
            users: {
              alana: { tags: { team: 'a' }, policies: { own: policy(allow('kms:*', { Condition })) } },
            },
          },
        },
      },
      [ENABLE_IAM],
    );
    const answer = local.explain({ principal: 'alana', operation: 'Encrypt', key: KEY_ARN, ...question });
    expect(answer.allowed).toBe(met);
  });
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

test('a condition tells the primary key of related keys from its replicas', async () => {
  const id = `mrk-${'a'.repeat(32)}`;
  const Condition = { StringEquals: { 'kms:MultiRegionKeyType': 'PRIMARY' } };
  const alana = person('alana', allow('kms:*', { Condition }));
  const { local } = await startGuardedKms({ accounts: { [ACCOUNT]: { users: { alana } } } }, [], {
    seed: { keys: [{ id, replicaRegions: ['us-west-2'], policy: policy(ENABLE_IAM) }] },
  });
  const isAllowedIn = (region: string) =>
    local.explain({
      principal: 'alana',
      operation: 'Encrypt',
      key: `arn:aws:kms:${region}:${ACCOUNT}:key/${id}`,
    }).allowed;
  expect(isAllowedIn('eu-north-1')).toBe(true);
  expect(isAllowedIn('us-west-2')).toBe(false);
});

test('explanations name what is not there', async () => {
  const { local } = await startGuardedKms({ accounts: {} }, [ENABLE_IAM]);
  const root = rootOf(ACCOUNT);
  expect(() => local.explain({ principal: 'nobody', operation: 'Encrypt', key: KEY_ID })).toThrow(RangeError);
  expect(() => local.explain({ principal: root, operation: 'Encrypt', key: 'alias/none' })).toThrow(
    expect.objectContaining({ code: 'NotFoundException' }),
  );
  expect(local.explain({ principal: root, operation: 'CreateKey' })).toMatchObject({
    allowed: true,
    resource: '*',
  });
});

test('explanations of what is on no key leave keys and their policies aside', async () => {
  const { local } = await startGuardedKms({ accounts: { [ACCOUNT]: { users: { alana: {} } } } }, [
    allow('kms:*', { Principal: { AWS: user('alana') } }),
  ]);
  const operations = ['CreateKey', 'Encrypt', 'GenerateRandom', 'ListAliases'];
  for (const key of [KEY_ID, undefined]) {
    const answers = local.explainAll({ operations, key });
    expect(answers.map(({ operation, resource, allowed }) => [operation, resource, allowed])).toEqual([
      ['Encrypt', KEY_ARN, true],
      ['CreateKey', '*', false],
      ['GenerateRandom', '*', false],
      ['ListAliases', '*', false],
    ]);
  }
  const question = { principal: 'alana', operation: 'CreateKey', key: KEY_ID };
  expect(local.explain(question)).toMatchObject({ resource: '*', allowed: false });
  expect(() => local.explain({ principal: 'alana', operation: 'Encrypt' })).toThrow(RangeError);
});

test.each(['Decript', 'kms:Decrypt', 'decrypt', 'ReEncrypt', 'ReEncryptAll'])(
  'explanations are of permissions that there are: not %s',
  async (operation) => {
    const { local } = await startGuardedKms({ accounts: {} }, [ENABLE_IAM]);
    const principal = rootOf(ACCOUNT);
    expect(() => local.explain({ principal, operation, key: KEY_ID })).toThrow(RangeError);
    expect(() => local.explainAll({ principal, operations: ['Encrypt', operation] })).toThrow(RangeError);
  },
);

test.each(['Encrypt', 'ReEncryptFrom', 'ReEncryptTo'])(
  'explanations of %s know the alias that a key is asked for by',
  async (operation) => {
    const Condition = { StringEquals: { 'kms:RequestAlias': 'alias/orders' } };
    const { local } = await startGuardedKms({ accounts: { [ACCOUNT]: { users: { alana: {} } } } }, [
      allow('kms:*', { Principal: { AWS: user('alana') }, Condition }),
    ]);
    const isAllowed = (key: string) => local.explain({ principal: 'alana', operation, key }).allowed;
    expect([isAllowed('alias/orders'), isAllowed(KEY_ID)]).toEqual([true, false]);
  },
);
