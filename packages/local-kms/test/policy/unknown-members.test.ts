import { PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { refusal } from '../fixtures/kms.ts';
import {
  ACCOUNT,
  allow,
  KEY_ID,
  person,
  policy,
  type Statement,
  startGuardedKms,
  user,
} from '../fixtures/people.ts';

describe('a member that the operation does not have', () => {
  /** PutKeyPolicy, which leaves the key to bob, with members that clients of AWS do not send. */
  const putPolicyWith = (more: object) => {
    const Policy = JSON.stringify(policy(allow('kms:*', { Principal: { AWS: user('bob') } })));
    const input = { KeyId: KEY_ID, Policy };
    const command = new PutKeyPolicyCommand(input);
    command.middlewareStack.add(
      (next) => (args) => {
        Object.assign(args.request ?? {}, { body: JSON.stringify({ ...input, ...more }) });
        return next(args);
      },
      { step: 'serialize', priority: 'low' },
    );
    return command;
  };
  const start = (...statements: readonly Statement[]) =>
    startGuardedKms({ accounts: { [ACCOUNT]: { users: { bob: person('bob') } } } }, statements);
  const byBob = { Principal: { AWS: user('bob') } };

  test.each<[string, object, object]>([
    [
      'encryption context',
      { StringEquals: { 'kms:EncryptionContext:app': 'orders' } },
      { EncryptionContext: { app: 'orders' } },
    ],
    ['tag', { StringEquals: { 'aws:RequestTag/team': 'a' } }, { Tags: [{ TagKey: 'team', TagValue: 'a' }] }],
    ['tag key', { 'ForAnyValue:StringEquals': { 'aws:TagKeys': 'team' } }, { TagKeys: ['team'] }],
    ['algorithm', { Null: { 'kms:SigningAlgorithm': 'false' } }, { SigningAlgorithm: 'ECDSA_SHA_256' }],
  ])('meets no condition: %s', async (_title, Condition, more) => {
    const { as, local } = await start(allow('kms:*', { ...byBob, Condition }));
    expect(await refusal(as('bob').send(putPolicyWith(more)))).toBe('AccessDeniedException');
    const question = { principal: 'bob', operation: 'PutKeyPolicy', key: KEY_ID, request: { ...more } };
    expect(local.explain(question).allowed).toBe(false);
  });

  test('keeps nobody from a deny', async () => {
    const Condition = { Null: { 'kms:EncryptionContextKeys': 'true' } };
    const { as } = await start(
      allow('kms:*', byBob),
      allow('kms:PutKeyPolicy', { ...byBob, Effect: 'Deny', Condition }),
    );
    const put = putPolicyWith({ EncryptionContext: { app: 'orders' } });
    expect(await refusal(as('bob').send(put))).toBe('AccessDeniedException');
  });

  test('counts for nothing inside of another', async () => {
    const { local } = await start(
      allow('kms:CreateGrant', { ...byBob, Condition: { Null: { 'kms:GrantConstraintType': 'false' } } }),
    );
    const isAllowedWith = (Constraints: object) =>
      local.explain({ principal: 'bob', operation: 'CreateGrant', key: KEY_ID, request: { Constraints } })
        .allowed;
    expect(isAllowedWith({ EncryptionContextSubset: { a: 'b' } })).toBe(true);
    expect(isAllowedWith({ EncryptionContextOfNothing: { a: 'b' } })).toBe(false);
  });
});
