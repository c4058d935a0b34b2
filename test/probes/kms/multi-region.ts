import assert from 'node:assert/strict';
import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  ReplicateKeyCommand,
  UpdatePrimaryRegionCommand,
} from '@aws-sdk/client-kms';
import { createKey, type Probe, refuses } from '../probe.ts';

const Plaintext = new Uint8Array([1, 2, 3]);

export const multiRegionProbes: readonly Probe[] = [
  {
    title: 'a multi-Region key opens in one Region what it encrypted in another',
    async run({ client, clientIn }) {
      const west = clientIn('us-west-2');
      const KeyId = await createKey({ client }, { MultiRegion: true });
      assert.match(KeyId, /^mrk-[0-9a-f]{32}$/);
      await client.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'us-west-2' }));
      const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
      const opened = await west.send(new DecryptCommand({ CiphertextBlob, KeyId }));
      assert.deepEqual(opened.Plaintext, Plaintext);
      assert.ok(opened.KeyId?.includes(':us-west-2:'));
    },
  },
  {
    title: 'related keys know which of them is the primary one',
    async run({ client, clientIn }) {
      const west = clientIn('us-west-2');
      const KeyId = await createKey({ client }, { MultiRegion: true });
      await client.send(new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'us-west-2' }));
      await client.send(new UpdatePrimaryRegionCommand({ KeyId, PrimaryRegion: 'us-west-2' }));
      for (const [region, type] of [
        [client, 'REPLICA'],
        [west, 'PRIMARY'],
      ] as const) {
        const { KeyMetadata } = await region.send(new DescribeKeyCommand({ KeyId }));
        assert.equal(KeyMetadata?.MultiRegionConfiguration?.MultiRegionKeyType, type);
        assert.equal(KeyMetadata.MultiRegionConfiguration.PrimaryKey?.Region, 'us-west-2');
      }
    },
  },
  {
    title: 'a key is replicated once into a Region, and only if it is a multi-Region key',
    async run({ client }) {
      const KeyId = await createKey({ client }, { MultiRegion: true });
      const replicate = new ReplicateKeyCommand({ KeyId, ReplicaRegion: 'us-west-2' });
      await client.send(replicate);
      await refuses('AlreadyExistsException', client.send(replicate));
      const single = await createKey({ client });
      const other = new ReplicateKeyCommand({ KeyId: single, ReplicaRegion: 'us-west-2' });
      await refuses('UnsupportedOperationException', client.send(other));
    },
  },
  {
    title: 'a key of one Region is not found in another',
    async run({ client, clientIn }) {
      const describe = new DescribeKeyCommand({ KeyId: await createKey({ client }) });
      await refuses('NotFoundException', clientIn('us-west-2').send(describe));
    },
  },
];
