import { CreateKeyCommand, ReplicateKeyCommand, UpdatePrimaryRegionCommand } from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { refusal } from '../fixtures/kms.ts';
import {
  ACCOUNT,
  allow,
  ENABLE_IAM,
  person,
  policy,
  type Statement,
  startGuardedKms,
} from '../fixtures/people.ts';

describe('what is about two Regions', () => {
  const id = `mrk-${'a'.repeat(32)}`;
  const [north, west, south] = ['eu-north-1', 'us-west-2', 'eu-south-1'].map(
    (region) => `arn:aws:kms:${region}:${ACCOUNT}:key/${id}`,
  );
  const inRegion = (region: string) => ({ Condition: { StringEquals: { 'aws:RequestedRegion': region } } });
  const onKey = (Action: string, Resource?: string) => allow(Action, { Resource });
  const start = (...statements: readonly Statement[]) =>
    startGuardedKms({ accounts: { [ACCOUNT]: { users: { alana: person('alana', ...statements) } } } }, [], {
      seed: { keys: [{ id, replicaRegions: ['us-west-2'], policy: policy(ENABLE_IAM) }] },
    });

  test('takes a permission to make keys where a replica is made, and one for its tags', async () => {
    const replicate = onKey('kms:ReplicateKey', north);
    const create = allow('kms:CreateKey', inRegion('eu-south-1'));
    const tag = { TagKey: 'a', TagValue: 'b' };
    for (const [statements, tags, answer] of [
      [[replicate], [], 'AccessDeniedException'],
      [[replicate, allow('kms:CreateKey', inRegion('eu-north-1'))], [], 'AccessDeniedException'],
      [[replicate, create], [], 'no exception'],
      [[replicate, create], [tag], 'AccessDeniedException'],
      [[replicate, create, onKey('kms:TagResource', south)], [tag], 'no exception'],
    ] as const) {
      const { as } = await start(...statements);
      const command = new ReplicateKeyCommand({ KeyId: id, ReplicaRegion: 'eu-south-1', Tags: [...tags] });
      expect(await refusal(as('alana').send(command))).toBe(answer);
    }
  });

  test.each<[string, string, boolean]>([
    ['kms:KeySpec', 'RSA_2048', true],
    ['kms:KeySpec', 'SYMMETRIC_DEFAULT', false],
    ['kms:KeyUsage', 'SIGN_VERIFY', true],
    ['kms:KeyOrigin', 'AWS_KMS', true],
    ['kms:MultiRegion', 'true', true],
    ['kms:MultiRegionKeyType', 'REPLICA', true],
    ['kms:MultiRegionKeyType', 'PRIMARY', false],
  ])('makes a replica under what it is going to be: %s %s', async (key, value, isAllowed) => {
    const Condition = { StringEquals: { [key]: value } };
    const alana = person('alana', onKey('kms:ReplicateKey', north), allow('kms:CreateKey', { Condition }));
    const seedKey = { id, spec: 'RSA_2048', usage: 'SIGN_VERIFY', policy: policy(ENABLE_IAM) };
    const { as } = await startGuardedKms({ accounts: { [ACCOUNT]: { users: { alana } } } }, [], {
      seed: { keys: [seedKey] },
    });
    const replicate = new ReplicateKeyCommand({ KeyId: id, ReplicaRegion: 'eu-south-1' });
    expect(await refusal(as('alana').send(replicate))).toBe(
      isAllowed ? 'no exception' : 'AccessDeniedException',
    );
  });

  test('keeps nobody from putting the next policy of a replica', async () => {
    const { as } = await start(allow('kms:*'));
    const replicate = (statement: Statement) =>
      refusal(
        as('alana').send(
          new ReplicateKeyCommand({
            KeyId: id,
            ReplicaRegion: 'eu-south-1',
            Policy: JSON.stringify(policy({ ...ENABLE_IAM, ...statement })),
          }),
        ),
      );
    for (const ofPrimary of [{ Resource: north }, inRegion('eu-north-1')]) {
      expect(await replicate(ofPrimary)).toBe('MalformedPolicyDocumentException');
    }
    expect(await replicate({ Resource: south, ...inRegion('eu-south-1') })).toBe('no exception');
  });

  test('begins with a key that is to be the primary one', async () => {
    const Condition = { StringEquals: { 'kms:MultiRegionKeyType': 'PRIMARY' } };
    const { as } = await start(allow('kms:CreateKey'), allow('kms:CreateKey', { Effect: 'Deny', Condition }));
    const create = (MultiRegion: boolean) => refusal(as('alana').send(new CreateKeyCommand({ MultiRegion })));
    expect(await create(true)).toBe('AccessDeniedException');
    expect(await create(false)).toBe('no exception');
  });

  test('takes the permission on the primary key that is and on the one to be', async () => {
    const update = new UpdatePrimaryRegionCommand({ KeyId: id, PrimaryRegion: 'us-west-2' });
    const one = await start(onKey('kms:UpdatePrimaryRegion', north));
    expect(await refusal(one.as('alana').send(update))).toBe('AccessDeniedException');
    const both = await start(onKey('kms:UpdatePrimaryRegion', north), onKey('kms:UpdatePrimaryRegion', west));
    expect(await refusal(both.as('alana').send(update))).toBe('no exception');
  });
});
