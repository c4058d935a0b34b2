import {
  CancelKeyDeletionCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GetKeyRotationStatusCommand,
  ListKeyRotationsCommand,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import {
  present,
  refusal,
  refusals,
  startKms,
  startKmsWithExternalKey,
  type TestKms,
} from '../fixtures/kms.ts';

const Plaintext = new Uint8Array([1, 2, 3]);
const DAY_MS = 86_400_000;

const rotationsOf = async ({ client }: Pick<TestKms, 'client'>, KeyId: string) =>
  (await client.send(new ListKeyRotationsCommand({ KeyId }))).Rotations ?? [];
const materialOf = async ({ client }: Pick<TestKms, 'client'>, KeyId: string) =>
  (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.CurrentKeyMaterialId;

describe('automatic rotation', () => {
  test('is off at first, yearly by default, and on as it was put', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    const status = () => client.send(new GetKeyRotationStatusCommand({ KeyId }));
    expect(await status()).toMatchObject({ KeyId, KeyRotationEnabled: false });
    for (const [input, RotationPeriodInDays] of [
      [{}, 365],
      [{ RotationPeriodInDays: 90 }, 90],
    ] as const) {
      await client.send(new EnableKeyRotationCommand({ KeyId, ...input }));
      const enabled = await status();
      expect(enabled).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays });
      const days = (present(enabled.NextRotationDate).getTime() - Date.now()) / DAY_MS;
      expect(days).toBeCloseTo(RotationPeriodInDays, 2);
    }
    await client.send(new DisableKeyRotationCommand({ KeyId }));
    expect(await status()).not.toHaveProperty('NextRotationDate');
  });

  test('gives a key new material each period; every old ciphertext stays readable', async () => {
    const kms = await startKms();
    const { client, createKey, advanceDays } = kms;
    const KeyId = await createKey();
    await client.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 100 }));
    const written: { CiphertextBlob: Uint8Array; KeyMaterialId: string }[] = [];
    for (let period = 0; period < 4; period += 1) {
      const KeyMaterialId = present(await materialOf(kms, KeyId));
      const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
      written.push({ CiphertextBlob: present(CiphertextBlob), KeyMaterialId });
      advanceDays(100);
    }
    expect(new Set(written.map(({ KeyMaterialId }) => KeyMaterialId)).size).toBe(4);
    for (const { CiphertextBlob, KeyMaterialId } of written) {
      const opened = await client.send(new DecryptCommand({ CiphertextBlob }));
      expect(opened).toMatchObject({ Plaintext, KeyMaterialId });
    }
    const rotations = await rotationsOf(kms, KeyId);
    expect(rotations.map(({ RotationType }) => RotationType)).toEqual(Array(4).fill('AUTOMATIC'));
    expect(rotations.map(({ KeyMaterialState }) => KeyMaterialState)).toEqual([
      ...Array<string>(3).fill('NON_CURRENT'),
      'CURRENT',
    ]);
    const [first, second] = rotations.map(({ RotationDate }) => present(RotationDate).getTime());
    expect((present(second) - present(first)) / DAY_MS).toBeCloseTo(100, 6);
    const dataKey = await client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }));
    expect(dataKey.KeyMaterialId).toBe(rotations.at(-1)?.KeyMaterialId);
  });

  test('makes up for what was due while the key was disabled, once', async () => {
    const kms = await startKms();
    const KeyId = await kms.createKey();
    await kms.client.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 90 }));
    await kms.client.send(new DisableKeyCommand({ KeyId }));
    kms.advanceDays(400);
    expect(await rotationsOf(kms, KeyId)).toEqual([]);
    await kms.client.send(new EnableKeyCommand({ KeyId }));
    expect(await rotationsOf(kms, KeyId)).toHaveLength(1);
  });

  test('is off while the key is to be deleted', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    await client.send(new EnableKeyRotationCommand({ KeyId }));
    await client.send(new ScheduleKeyDeletionCommand({ KeyId }));
    const status = await client.send(new GetKeyRotationStatusCommand({ KeyId }));
    expect(status.KeyRotationEnabled).toBe(false);
    const enable = new EnableKeyRotationCommand({ KeyId });
    expect(await refusal(client.send(enable))).toBe('KMSInvalidStateException');
  });

  test('makes up for what was due while the key was to be deleted, when it is enabled again', async () => {
    const kms = await startKms();
    const KeyId = await kms.createKey();
    await kms.client.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 90 }));
    kms.advanceDays(80);
    await kms.client.send(new ScheduleKeyDeletionCommand({ KeyId }));
    kms.advanceDays(15);
    await kms.client.send(new CancelKeyDeletionCommand({ KeyId }));
    expect(await rotationsOf(kms, KeyId)).toHaveLength(0);
    await kms.client.send(new EnableKeyCommand({ KeyId }));
    expect(await rotationsOf(kms, KeyId)).toHaveLength(1);
  });

  test.each([
    [89, 'ValidationException'],
    [90, 'no exception'],
    [2560, 'no exception'],
    [2561, 'ValidationException'],
  ])('every %i days: %s', async (RotationPeriodInDays, name) => {
    const { client, createKey } = await startKms();
    const enable = new EnableKeyRotationCommand({ KeyId: await createKey(), RotationPeriodInDays });
    expect(await refusal(client.send(enable))).toBe(name);
  });
});

describe('RotateKeyOnDemand', () => {
  test('gives a key new material at once and leaves its schedule alone', async () => {
    const kms = await startKms();
    const { client } = kms;
    const KeyId = await kms.createKey();
    await client.send(new EnableKeyRotationCommand({ KeyId }));
    const status = async () =>
      (await client.send(new GetKeyRotationStatusCommand({ KeyId }))).NextRotationDate;
    const [before, next] = [await materialOf(kms, KeyId), await status()];
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
    await client.send(new RotateKeyOnDemandCommand({ KeyId }));
    expect(await materialOf(kms, KeyId)).not.toBe(before);
    expect(await status()).toEqual(next);
    expect(await client.send(new DecryptCommand({ CiphertextBlob }))).toMatchObject({
      Plaintext,
      KeyMaterialId: before,
    });
    const all = new ListKeyRotationsCommand({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' });
    expect((await client.send(all)).Rotations).toMatchObject([
      { KeyId, KeyMaterialId: before, KeyMaterialState: 'NON_CURRENT' },
      { KeyId, RotationType: 'ON_DEMAND', KeyMaterialState: 'CURRENT' },
    ]);
  });

  test('is possible 25 times, and listed page by page', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    const rotate = () => refusal(client.send(new RotateKeyOnDemandCommand({ KeyId })));
    for (let i = 0; i < 25; i += 1) expect(await rotate()).toBe('no exception');
    expect(await rotate()).toBe('LimitExceededException');
    const first = await client.send(new ListKeyRotationsCommand({ KeyId, Limit: 20 }));
    expect(first).toMatchObject({ Truncated: true });
    const rest = new ListKeyRotationsCommand({ KeyId, Limit: 20, Marker: first.NextMarker });
    expect((await client.send(rest)).Rotations).toHaveLength(5);
  });

  test('gives way to an automatic rotation that is about to begin', async () => {
    const { client, createKey, local } = await startKms();
    const KeyId = await createKey();
    await client.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 90 }));
    const rotate = () => refusal(client.send(new RotateKeyOnDemandCommand({ KeyId })));
    local.advanceClock(90 * DAY_MS - 19 * 60_000);
    expect(await rotate()).toBe('ConflictException');
    local.advanceClock(20 * 60_000);
    expect(await rotate()).toBe('no exception');
  });

  test('needs an enabled key', async () => {
    const { client, createKey } = await startKms();
    const KeyId = await createKey();
    await client.send(new DisableKeyCommand({ KeyId }));
    const rotate = new RotateKeyOnDemandCommand({ KeyId });
    expect(await refusal(client.send(rotate))).toBe('DisabledException');
  });
});

describe('rotation', () => {
  test('is not for asymmetric, HMAC and external keys', async () => {
    const { client, createKey, KeyId: external } = await startKmsWithExternalKey();
    for (const KeyId of [
      external,
      await createKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }),
      await createKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }),
    ]) {
      for (const name of await refusals([
        client.send(new EnableKeyRotationCommand({ KeyId })),
        client.send(new DisableKeyRotationCommand({ KeyId })),
        client.send(new GetKeyRotationStatusCommand({ KeyId })),
        client.send(new ListKeyRotationsCommand({ KeyId })),
        client.send(new RotateKeyOnDemandCommand({ KeyId })),
      ])) {
        expect(name).toBe('UnsupportedOperationException');
      }
    }
  });

  test('of a multi-Region key is the primary key to start and happens in every Region', async () => {
    const kms = await startKms();
    const west = { client: kms.clientIn('us-west-2') };
    const KeyId = await kms.createKey({ MultiRegion: true });
    await kms.client.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'us-west-2' }));
    for (const name of await refusals([
      west.client.send(new EnableKeyRotationCommand({ KeyId })),
      west.client.send(new DisableKeyRotationCommand({ KeyId })),
      west.client.send(new RotateKeyOnDemandCommand({ KeyId })),
    ])) {
      expect(name).toBe('UnsupportedOperationException');
    }
    await kms.client.send(new EnableKeyRotationCommand({ KeyId }));
    const status = await west.client.send(new GetKeyRotationStatusCommand({ KeyId }));
    expect(status.KeyRotationEnabled).toBe(true);
    kms.advanceDays(400);
    const { CiphertextBlob } = await west.client.send(new EncryptCommand({ KeyId, Plaintext }));
    expect((await kms.client.send(new DecryptCommand({ CiphertextBlob }))).Plaintext).toEqual(Plaintext);
    expect(await rotationsOf(west, KeyId)).toEqual(await rotationsOf(kms, KeyId));
    expect(await rotationsOf(west, KeyId)).toHaveLength(1);
  });
});
