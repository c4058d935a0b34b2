import {
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
} from '@aws-sdk/client-kms';
import { createLocalKms, type Seed } from '@holdfast/local-kms';
import { describe, expect, test } from 'vitest';
import { readSeed } from '../src/seed.ts';
import { ecPrivateKey, POINT_AT_INFINITY } from './fixtures/imports.ts';
import { present, refusal, startKms } from './fixtures/kms.ts';

const ID = '11111111-2222-4333-8444-555555555555';
const MRK = `mrk-${'a'.repeat(32)}`;
const Plaintext = new Uint8Array([1, 2, 3]);
const material = Buffer.alloc(32, 7).toString('base64');
const infinite = ecPrivateKey(Buffer.alloc(32, 7), POINT_AT_INFINITY).toString('base64');

describe('a seed', () => {
  test('makes keys with ids, aliases, tags and policies of its own', async () => {
    const seed = {
      keys: [
        { id: ID, aliases: ['alias/orders'], tags: { team: 'a' }, description: 'first' },
        { spec: 'HMAC_256', usage: 'GENERATE_VERIFY_MAC', region: 'us-west-2' },
        { id: MRK, replicaRegions: ['us-west-2'], aliases: ['alias/shared'] },
      ],
    } as const;
    const { client, clientIn } = await startKms({
      seed: { keys: [...seed.keys].map((key) => ({ ...key })) },
    });
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId: 'alias/orders' }));
    expect(KeyMetadata).toMatchObject({ KeyId: ID, Description: 'first', KeyState: 'Enabled' });
    const { Tags } = await client.send(new ListResourceTagsCommand({ KeyId: ID }));
    expect(Tags).toEqual([{ TagKey: 'team', TagValue: 'a' }]);
    const west = clientIn('us-west-2');
    const shared = await west.send(new DescribeKeyCommand({ KeyId: 'alias/shared' }));
    expect(shared.KeyMetadata).toMatchObject({
      KeyId: MRK,
      MultiRegionConfiguration: { MultiRegionKeyType: 'REPLICA' },
    });
    expect((await west.send(new ListKeysCommand())).Keys).toHaveLength(2);
  });

  test('with material opens in one process what another encrypted', async () => {
    const seed = { keys: [{ id: ID, material }] };
    const [one, other] = [await startKms({ seed }), await startKms({ seed })];
    const { CiphertextBlob } = await one.client.send(new EncryptCommand({ KeyId: ID, Plaintext }));
    expect((await other.client.send(new DecryptCommand({ CiphertextBlob }))).Plaintext).toEqual(Plaintext);
  });

  test.each<[Seed]>([
    [{ keys: [{ spec: 'AES_256' }] }],
    [{ keys: [{ usage: 'SIGN_VERIFY' }] }],
    [{ keys: [{ id: 'orders' }] }],
    [{ keys: [{ id: ID, replicaRegions: ['us-west-2'] }] }],
    [{ keys: [{ material: 'AAAA' }] }],
    [{ keys: [{ spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY', material: infinite }] }],
    [{ keys: [{ region: 'Stockholm' }] }],
    [{ keys: [{ id: ID }, { id: ID }] }],
    [{ keys: [{ id: MRK }, { id: MRK, region: 'us-west-2' }] }],
    [{ keys: [{ aliases: ['alias/a'] }, { aliases: ['alias/a'], region: 'eu-north-1' }] }],
    [{ keys: [{ aliases: ['alias/a', 'alias/a'] }] }],
    [
      {
        keys: [
          { replicaRegions: ['us-west-2'], aliases: ['alias/a'] },
          { region: 'us-west-2', aliases: ['alias/a'] },
        ],
      },
    ],
    [{ keys: [{ replicaRegions: ['eu-north-1'] }] }],
    [{ keys: [{ replicaRegions: ['us-west-2', 'us-west-2'] }] }],
    [{ keys: [{ replicaRegions: ['cn-north-1'] }] }],
    [{ keys: [{ aliases: ['orders'] }] }],
    [{ keys: [{ aliases: ['alias/aws/orders'] }] }],
    [{ keys: [{ aliases: Array.from({ length: 51 }, (_, index) => `alias/${index}`) }] }],
    [{ keys: [{ tags: { 'aws:a': 'b' } }] }],
    [{ keys: [{ tags: { a: '\ud800' } }] }],
    [{ keys: [{ tags: { '\ud800': 'a' } }] }],
    [{ keys: [{ description: 'lone \ud800' }] }],
    [{ keys: [{ policy: { Statement: 'all' } }] }],
  ])('is refused as a whole: %j', (seed) => {
    expect(() => createLocalKms({ region: 'eu-north-1', seed })).toThrow(RangeError);
  });

  test('may have an alias in each Region, and the default Region by its name', async () => {
    const seed = {
      keys: [
        { aliases: ['alias/a'] },
        { aliases: ['alias/a'], region: 'us-west-2' },
        { aliases: ['alias/a'], region: 'cn-north-1', replicaRegions: ['cn-northwest-1'] },
        { aliases: ['alias/b'], region: 'eu-north-1' },
      ],
    };
    expect(readSeed(JSON.stringify(seed))).toEqual(seed);
    const { client } = await startKms({ seed });
    expect((await client.send(new ListKeysCommand())).Keys).toHaveLength(2);
  });

  test('is refused for a member that it does not have, and for text that is no seed', () => {
    for (const text of [
      '{"keys":[{"colour":"red"}]}',
      '{"keys":[{}],"a":1}',
      '{',
      '[]',
      'keys',
      'keys:\n  - tags: { a: 1 }',
    ]) {
      expect(() => readSeed(text)).toThrow(RangeError);
    }
  });

  test('is read from YAML and from JSON', () => {
    const seed = { keys: [{ id: ID, aliases: ['alias/a'] }] };
    expect(readSeed(JSON.stringify(seed))).toEqual(seed);
    expect(readSeed(`keys:\n  - id: ${ID}\n    aliases:\n      - alias/a\n`)).toEqual(seed);
  });
});

describe('reset', () => {
  test('leaves the seed and the time of this machine', async () => {
    const kms = await startKms({ seed: { keys: [{ id: ID, material }] } });
    const { CiphertextBlob } = await kms.client.send(new EncryptCommand({ KeyId: ID, Plaintext }));
    await kms.createKey();
    kms.advanceDays(1000);
    await kms.local.reset();
    expect((await kms.client.send(new ListKeysCommand())).Keys).toMatchObject([{ KeyId: ID }]);
    expect((await kms.client.send(new DecryptCommand({ CiphertextBlob }))).Plaintext).toEqual(Plaintext);
    const { KeyMetadata } = await kms.client.send(new CreateKeyCommand());
    expect(Math.abs(present(KeyMetadata?.CreationDate).getTime() - Date.now())).toBeLessThan(60_000);
  });
});

describe('the seed of ids', () => {
  test('makes them the same in every process, and the keys none the less secret', async () => {
    const ids: (string | undefined)[] = [];
    const blobs: (Uint8Array | undefined)[] = [];
    for (const idSeed of ['one', 'one', 'other']) {
      const { client, createKey } = await startKms({ idSeed });
      const KeyId = await createKey();
      const { CiphertextBlob, $metadata } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
      ids.push(`${KeyId} ${await createKey({ MultiRegion: true })} ${$metadata.requestId}`);
      blobs.push(CiphertextBlob);
    }
    expect(ids[0]).toBe(ids[1]);
    expect(ids[0]).not.toBe(ids[2]);
    const { client, createKey } = await startKms({ idSeed: 'one' });
    await createKey();
    const decrypt = new DecryptCommand({ CiphertextBlob: blobs[0] });
    expect(await refusal(client.send(decrypt))).toBe('InvalidCiphertextException');
  });
});

describe('the clock', () => {
  test.each([-1, Number.NaN, 101 * 366 * 86_400_000])('does not move by %d ms', async (milliseconds) => {
    const { local } = await startKms();
    expect(() => local.advanceClock(milliseconds)).toThrow(RangeError);
  });
});

test('a KMS starts in under 300 ms of processor time', async () => {
  const before = process.cpuUsage();
  const kms = await createLocalKms({ seed: { keys: [{ id: ID, material }] } }).listen();
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1000).toBeLessThan(300);
  await kms.close();
});
