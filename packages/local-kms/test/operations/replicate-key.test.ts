import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  GetPublicKeyCommand,
  ListKeysCommand,
  ReEncryptCommand,
  ReplicateKeyCommand,
  UpdatePrimaryRegionCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { present, refusal, SCOPE, startKms } from '../fixtures/kms.ts';

const Plaintext = new Uint8Array([1, 2, 3]);
const arnIn = (region: string, id: string) => `arn:aws:kms:${region}:111122223333:key/${id}`;

/** A primary key in eu-north-1 and its replica in us-west-2. */
async function startKmsWithReplica() {
  const kms = await startKms();
  const KeyId = await kms.createKey({ MultiRegion: true });
  const replicated = await kms.client.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'us-west-2' }));
  return { ...kms, west: kms.clientIn('us-west-2'), KeyId, replicated };
}

describe('Regions', () => {
  test('are those that requests are signed for, with keys and aliases of their own', async () => {
    const { client, clientIn, createKey } = await startKms();
    const west = clientIn('us-west-2');
    const KeyId = await createKey();
    const { KeyMetadata } = await west.send(new CreateKeyCommand({}));
    expect(KeyMetadata?.Arn).toBe(arnIn('us-west-2', present(KeyMetadata?.KeyId)));
    expect((await client.send(new ListKeysCommand())).Keys).toMatchObject([{ KeyId }]);
    expect((await west.send(new ListKeysCommand())).Keys).toMatchObject([{ KeyId: KeyMetadata?.KeyId }]);
    await client.send(new CreateAliasCommand({ AliasName: 'alias/a', TargetKeyId: KeyId }));
    for (const id of [KeyId, 'alias/a', `arn:aws:kms:${SCOPE}:key/${KeyId}`]) {
      expect(await refusal(west.send(new DescribeKeyCommand({ KeyId: id })))).toBe('NotFoundException');
    }
  });

  test('open no ciphertext of a key that is in one Region only', async () => {
    const { client, clientIn, createKey } = await startKms();
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId: await createKey(), Plaintext }));
    const decrypt = new DecryptCommand({ CiphertextBlob });
    expect(await refusal(clientIn('us-west-2').send(decrypt))).toBe('AccessDeniedException');
  });
});

describe('a multi-Region key', () => {
  test('has an id of its own kind and describes itself as primary', async () => {
    const { client } = await startKms();
    const { KeyMetadata } = await client.send(new CreateKeyCommand({ MultiRegion: true }));
    expect(KeyMetadata?.KeyId).toMatch(/^mrk-[0-9a-f]{32}$/);
    const PrimaryKey = { Arn: KeyMetadata?.Arn, Region: 'eu-north-1' };
    expect(KeyMetadata).toMatchObject({
      MultiRegion: true,
      MultiRegionConfiguration: { MultiRegionKeyType: 'PRIMARY', PrimaryKey, ReplicaKeys: [] },
    });
  });

  test('has the same id in every Region, and an ARN, description, tags and policy for each', async () => {
    const { client, west, KeyId } = await startKmsWithReplica();
    const input = {
      KeyId,
      ReplicaRegion: 'eu-west-1',
      Description: 'third',
      Tags: [{ TagKey: 'b', TagValue: '' }],
    };
    const third = await client.send(new ReplicateKeyCommand(input));
    const MultiRegionConfiguration = {
      PrimaryKey: { Arn: arnIn('eu-north-1', KeyId), Region: 'eu-north-1' },
      ReplicaKeys: [
        { Arn: arnIn('us-west-2', KeyId), Region: 'us-west-2' },
        { Arn: arnIn('eu-west-1', KeyId), Region: 'eu-west-1' },
      ],
    };
    expect(third).toMatchObject({
      ReplicaKeyMetadata: {
        KeyId,
        Arn: arnIn('eu-west-1', KeyId),
        KeyState: 'Enabled',
        Description: 'third',
        MultiRegionConfiguration: { MultiRegionKeyType: 'REPLICA', ...MultiRegionConfiguration },
      },
      ReplicaTags: input.Tags,
    });
    expect(JSON.parse(present(third.ReplicaPolicy))).toMatchObject({ Id: 'key-default-1' });
    for (const [region, MultiRegionKeyType] of [
      [client, 'PRIMARY'],
      [west, 'REPLICA'],
    ] as const) {
      const { KeyMetadata } = await region.send(new DescribeKeyCommand({ KeyId }));
      expect(KeyMetadata?.MultiRegionConfiguration).toMatchObject({
        MultiRegionKeyType,
        ...MultiRegionConfiguration,
      });
      expect(KeyMetadata?.Description).toBe('');
    }
  });

  test('opens in one Region what it encrypted in another, bound to the context', async () => {
    const { client, west, KeyId } = await startKmsWithReplica();
    const EncryptionContext = { a: 'b' };
    for (const [from, to, region] of [
      [client, west, 'us-west-2'],
      [west, client, 'eu-north-1'],
    ] as const) {
      const encrypt = new EncryptCommand({ KeyId, Plaintext, EncryptionContext });
      const { CiphertextBlob } = await from.send(encrypt);
      const opened = await to.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
      expect(opened).toMatchObject({ Plaintext, KeyId: arnIn(region, KeyId) });
      const wrong = new DecryptCommand({ CiphertextBlob, EncryptionContext: { a: 'c' } });
      expect(await refusal(to.send(wrong))).toBe('InvalidCiphertextException');
      const again = await to.send(
        new ReEncryptCommand({
          CiphertextBlob,
          SourceEncryptionContext: EncryptionContext,
          DestinationKeyId: KeyId,
        }),
      );
      expect(again).toMatchObject({ SourceKeyId: arnIn(region, KeyId), KeyId: arnIn(region, KeyId) });
    }
  });

  test('has one public key', async () => {
    const { client, clientIn, createKey } = await startKms();
    const KeyId = await createKey({ MultiRegion: true, KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    await client.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'us-west-2' }));
    const keys = [client, clientIn('us-west-2')].map((region) =>
      region.send(new GetPublicKeyCommand({ KeyId })),
    );
    const [one, other] = await Promise.all(keys);
    expect(one?.PublicKey).toEqual(other?.PublicKey);
  });

  test('is disabled in each Region by itself', async () => {
    const { client, west, KeyId } = await startKmsWithReplica();
    await west.send(new DisableKeyCommand({ KeyId }));
    const encrypt = new EncryptCommand({ KeyId, Plaintext });
    expect(await refusal(west.send(encrypt))).toBe('DisabledException');
    expect(await refusal(client.send(encrypt))).toBe('no exception');
  });
});

describe('ReplicateKey', () => {
  test.each([
    ['AlreadyExistsException', { ReplicaRegion: 'us-west-2' }],
    ['AlreadyExistsException', { ReplicaRegion: 'eu-north-1' }],
    ['UnsupportedOperationException', { ReplicaRegion: 'cn-north-1' }],
    ['ValidationException', { ReplicaRegion: 'Stockholm' }],
    ['MalformedPolicyDocumentException', { ReplicaRegion: 'eu-west-1', Policy: '{}' }],
    ['TagException', { ReplicaRegion: 'eu-west-1', Tags: [{ TagKey: 'aws:a', TagValue: '' }] }],
  ])('is refused with %s: %j', async (name, input) => {
    const { client, KeyId } = await startKmsWithReplica();
    expect(await refusal(client.send(new ReplicateKeyCommand({ KeyId, ...input })))).toBe(name);
  });

  test('takes an enabled primary key only', async () => {
    const { client, west, createKey, KeyId } = await startKmsWithReplica();
    const input = { KeyId, ReplicaRegion: 'eu-west-1' };
    expect(await refusal(west.send(new ReplicateKeyCommand(input)))).toBe('UnsupportedOperationException');
    const single = new ReplicateKeyCommand({ ...input, KeyId: await createKey() });
    expect(await refusal(client.send(single))).toBe('UnsupportedOperationException');
    await client.send(new DisableKeyCommand({ KeyId }));
    expect(await refusal(client.send(new ReplicateKeyCommand(input)))).toBe('DisabledException');
  });
});

describe('UpdatePrimaryRegion', () => {
  test('exchanges the roles of primary and replica', async () => {
    const { client, west, KeyId } = await startKmsWithReplica();
    await client.send(new UpdatePrimaryRegionCommand({ KeyId, PrimaryRegion: 'us-west-2' }));
    for (const region of [client, west]) {
      const { KeyMetadata } = await region.send(new DescribeKeyCommand({ KeyId }));
      expect(KeyMetadata?.MultiRegionConfiguration).toMatchObject({
        MultiRegionKeyType: region === west ? 'PRIMARY' : 'REPLICA',
        PrimaryKey: { Region: 'us-west-2' },
        ReplicaKeys: [{ Region: 'eu-north-1' }],
      });
    }
    const back = new UpdatePrimaryRegionCommand({ KeyId, PrimaryRegion: 'eu-north-1' });
    expect(await refusal(client.send(back))).toBe('UnsupportedOperationException');
    expect(await refusal(west.send(back))).toBe('no exception');
  });

  test('needs both keys enabled', async () => {
    const { client, west, KeyId } = await startKmsWithReplica();
    const update = new UpdatePrimaryRegionCommand({ KeyId, PrimaryRegion: 'us-west-2' });
    for (const region of [client, west]) {
      await region.send(new DisableKeyCommand({ KeyId }));
      expect(await refusal(client.send(update))).toBe('DisabledException');
      await region.send(new EnableKeyCommand({ KeyId }));
    }
    expect(await refusal(client.send(update))).toBe('no exception');
  });

  test('needs a replica in the Region', async () => {
    const { client, KeyId } = await startKmsWithReplica();
    for (const PrimaryRegion of ['eu-west-1', 'eu-north-1']) {
      const update = new UpdatePrimaryRegionCommand({ KeyId, PrimaryRegion });
      expect(await refusal(client.send(update))).toBe('NotFoundException');
    }
  });
});
