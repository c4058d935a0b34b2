import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateGrantCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  ListAliasesCommand,
  ListKeysCommand,
  ReEncryptCommand,
  ReplicateKeyCommand,
  RetireGrantCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UpdateKeyDescriptionCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { present, refusal, refusals, SCOPE, startKms } from '../fixtures/kms.ts';

const Plaintext = new Uint8Array([1, 2, 3]);
const DAY_MS = 86_400_000;

describe('ScheduleKeyDeletion', () => {
  test('waits for thirty days unless it is told otherwise, and says when they end', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    const scheduled = await client.send(new ScheduleKeyDeletionCommand({ KeyId }));
    expect(scheduled).toMatchObject({
      KeyId: `arn:aws:kms:${SCOPE}:key/${KeyId}`,
      KeyState: 'PendingDeletion',
      PendingWindowInDays: 30,
    });
    const days = (present(scheduled.DeletionDate).getTime() - Date.now()) / DAY_MS;
    expect(days).toBeCloseTo(30, 2);
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({
      KeyState: 'PendingDeletion',
      Enabled: false,
      DeletionDate: scheduled.DeletionDate,
    });
    expect(KeyMetadata).not.toHaveProperty('PendingDeletionWindowInDays');
  });

  test.each([
    [6, 'ValidationException'],
    [7, 'no exception'],
    [30, 'no exception'],
    [31, 'ValidationException'],
  ])('of %i days ends with %s', async (PendingWindowInDays, name) => {
    const { client, createKey } = await startKms();
    const input = { KeyId: await createKey(), PendingWindowInDays };
    expect(await refusal(client.send(new ScheduleKeyDeletionCommand(input)))).toBe(name);
  });

  test('keeps the key from being used and changed until it is taken back', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
    await client.send(new ScheduleKeyDeletionCommand({ KeyId }));
    const GranteePrincipal = 'arn:aws:iam::111122223333:user/a';
    for (const name of await refusals([
      client.send(new EncryptCommand({ KeyId, Plaintext })),
      client.send(new DecryptCommand({ CiphertextBlob })),
      client.send(new EnableKeyCommand({ KeyId })),
      client.send(new DisableKeyCommand({ KeyId })),
      client.send(new ScheduleKeyDeletionCommand({ KeyId })),
      client.send(new UpdateKeyDescriptionCommand({ KeyId, Description: 'a' })),
      client.send(new TagResourceCommand({ KeyId, Tags: [] })),
      client.send(new CreateAliasCommand({ AliasName: 'alias/a', TargetKeyId: KeyId })),
      client.send(new CreateGrantCommand({ KeyId, GranteePrincipal, Operations: ['Encrypt'] })),
    ])) {
      expect(name).toBe('KMSInvalidStateException');
    }
    await client.send(new CancelKeyDeletionCommand({ KeyId }));
    expect(await refusal(client.send(new EncryptCommand({ KeyId, Plaintext })))).toBe('DisabledException');
    await client.send(new EnableKeyCommand({ KeyId }));
    expect((await client.send(new DecryptCommand({ CiphertextBlob }))).Plaintext).toEqual(Plaintext);
  });

  test('can be taken back only while it is pending', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    const cancel = () => refusal(client.send(new CancelKeyDeletionCommand({ KeyId })));
    expect(await cancel()).toBe('KMSInvalidStateException');
    await client.send(new DisableKeyCommand({ KeyId }));
    expect(await cancel()).toBe('KMSInvalidStateException');
    await client.send(new ScheduleKeyDeletionCommand({ KeyId }));
    expect(await cancel()).toBe('no exception');
  });

  test('ends with a key, its aliases, grants and ciphertexts gone, not before', async () => {
    const { client, createKey, advanceDays } = await startKms();
    const KeyId = await createKey();
    const grant = {
      KeyId,
      GranteePrincipal: `arn:aws:iam::111122223333:root`,
      Operations: ['Decrypt' as const],
    };
    const { GrantToken } = await client.send(new CreateGrantCommand(grant));
    await client.send(new CreateAliasCommand({ AliasName: 'alias/a', TargetKeyId: KeyId }));
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
    await client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    advanceDays(6.9);
    expect((await client.send(new ListKeysCommand())).Keys).toHaveLength(1);
    advanceDays(0.1);
    expect((await client.send(new ListKeysCommand())).Keys).toEqual([]);
    expect((await client.send(new ListAliasesCommand())).Aliases).toEqual([]);
    expect(await refusal(client.send(new DescribeKeyCommand({ KeyId })))).toBe('NotFoundException');
    const decrypt = new DecryptCommand({ CiphertextBlob });
    expect(await refusal(client.send(decrypt))).toBe('AccessDeniedException');
    const input = { CiphertextBlob, DestinationKeyId: await createKey() };
    expect(await refusal(client.send(new ReEncryptCommand(input)))).toBe('AccessDeniedException');
    const retire = new RetireGrantCommand({ GrantToken });
    expect(await refusal(client.send(retire))).toBe('InvalidGrantTokenException');
  });

  test('of a primary key waits until its last replica is deleted, not only scheduled', async () => {
    const { client, clientIn, createKey, advanceDays } = await startKms();
    const west = clientIn('us-west-2');
    const KeyId = await createKey({ MultiRegion: true });
    await client.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'us-west-2' }));
    const scheduled = await client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 10 }));
    expect(scheduled).toMatchObject({ KeyState: 'PendingReplicaDeletion', PendingWindowInDays: 10 });
    expect(scheduled).not.toHaveProperty('DeletionDate');
    const described = async () => (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
    expect(await described()).toMatchObject({
      KeyState: 'PendingReplicaDeletion',
      PendingDeletionWindowInDays: 10,
    });
    await west.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    advanceDays(6.9);
    expect(await described()).toMatchObject({ KeyState: 'PendingReplicaDeletion' });
    advanceDays(0.2);
    expect(await described()).toMatchObject({ KeyState: 'PendingDeletion' });
    advanceDays(9.8);
    expect(await described()).toMatchObject({ KeyState: 'PendingDeletion' });
    advanceDays(0.2);
    expect(await refusal(client.send(new DescribeKeyCommand({ KeyId })))).toBe('NotFoundException');
  });

  test('of a primary key waits for every replica', async () => {
    const { client, clientIn, createKey, advanceDays } = await startKms();
    const KeyId = await createKey({ MultiRegion: true });
    const stateAfter = async (days: number) => {
      advanceDays(days);
      return (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState;
    };
    const windows = { 'us-west-2': 7, 'eu-west-1': 14 };
    for (const ReplicaRegion of Object.keys(windows)) {
      await client.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion }));
    }
    await client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    for (const [region, PendingWindowInDays] of Object.entries(windows)) {
      await clientIn(region).send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays }));
    }
    expect(await stateAfter(7.1)).toBe('PendingReplicaDeletion');
    expect(await stateAfter(6.8)).toBe('PendingReplicaDeletion');
    expect(await stateAfter(0.2)).toBe('PendingDeletion');
    expect(await refusal(stateAfter(7))).toBe('NotFoundException');
  });
});
