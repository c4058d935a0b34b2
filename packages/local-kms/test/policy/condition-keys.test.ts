import { EncryptCommand } from '@aws-sdk/client-kms';
import type { AccessQuestion } from '@holdfast/local-kms';
import { describe, expect, test } from 'vitest';
import {
  ACCOUNT,
  allow,
  ENABLE_IAM,
  KEY_ARN,
  KEY_ID,
  person,
  policy,
  startGuardedKms,
  user,
} from '../fixtures/people.ts';

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
      'StringEquals',
      'kms:GrantConstraintSourceArn',
      'arn:aws:s3:::orders-of-the-tests',
      {
        operation: 'CreateGrant',
        request: { Constraints: { SourceArn: 'arn:aws:s3:::orders-of-the-tests' } },
      },
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
      'NumericEquals',
      'kms:ScheduleKeyDeletionPendingWindowInDays',
      '30',
      { operation: 'ScheduleKeyDeletion' },
    ],
    [true, 'NumericEquals', 'kms:RotationPeriodInDays', '365', { operation: 'EnableKeyRotation' }],
    [true, 'Null', 'kms:RotationPeriodInDays', 'true', { operation: 'DisableKeyRotation' }],
    [true, 'StringEquals', 'kms:MessageType', 'RAW', { operation: 'Sign' }],
    [true, 'StringEquals', 'kms:MessageType', 'RAW', { operation: 'Verify' }],
    [
      false,
      'StringEquals',
      'kms:MessageType',
      'RAW',
      { operation: 'Sign', request: { MessageType: 'DIGEST' } },
    ],
    [true, 'Null', 'kms:MessageType', 'true', { operation: 'GenerateMac' }],
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

test('a condition on a second factor is met by sessions as if they had none, and by nobody else', async () => {
  const Condition = { Bool: { 'aws:MultiFactorAuthPresent': 'false' } };
  const policies = { own: policy(allow('kms:*'), allow('kms:*', { Effect: 'Deny', Condition })) };
  const accounts = { [ACCOUNT]: { users: { alana: { policies } }, roles: { app: { policies } } } };
  const { local } = await startGuardedKms({ accounts }, [ENABLE_IAM]);
  const reasonFor = (principal: string) =>
    local.explain({ principal, operation: 'Encrypt', key: KEY_ID }).reason;
  expect(reasonFor('app')).toBe('IdentityPolicyDenies');
  expect(reasonFor('alana')).toBe('IdentityPolicyAllows');
});

test('a condition counts the whole days since a key was used, or since its uses are known', async () => {
  const Condition = { NumericLessThan: { 'kms:TrailingDaysWithoutKeyUsage': '30' } };
  const { local, as } = await startGuardedKms(
    {
      accounts: {
        [ACCOUNT]: {
          users: { alana: person('alana', allow('kms:*'), allow('kms:*', { Effect: 'Deny', Condition })) },
        },
      },
    },
    [ENABLE_IAM],
  );
  const isAllowed = (operation: string) =>
    local.explain({ principal: 'alana', operation, key: KEY_ARN }).allowed;
  const daysPass = (days: number) => local.advanceClock(days * 86_400_000);
  const isGuarded = () => ['DisableKey', 'ScheduleKeyDeletion', 'EnableKey'].map(isAllowed);
  daysPass(29.9);
  expect(isGuarded()).toEqual([false, false, true]);
  daysPass(0.1);
  expect(isGuarded()).toEqual([true, true, true]);
  await as('alana').send(new EncryptCommand({ KeyId: KEY_ID, Plaintext: Buffer.of(1) }));
  expect(isGuarded()).toEqual([false, false, true]);
  daysPass(30);
  expect(isGuarded()).toEqual([true, true, true]);
});
