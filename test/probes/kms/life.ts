import assert from 'node:assert/strict';
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { createKey, type Probe, refuses } from '../probe.ts';

const Plaintext = new Uint8Array([1, 2, 3]);

export const lifeProbes: readonly Probe[] = [
  {
    title: 'a disabled key neither encrypts nor decrypts, until it is enabled',
    async run(target) {
      const KeyId = await createKey(target);
      const { CiphertextBlob } = await target.client.send(new EncryptCommand({ KeyId, Plaintext }));
      await target.client.send(new DisableKeyCommand({ KeyId }));
      const decrypt = new DecryptCommand({ CiphertextBlob });
      await refuses('DisabledException', target.client.send(new EncryptCommand({ KeyId, Plaintext })));
      await refuses('DisabledException', target.client.send(decrypt));
      await target.client.send(new EnableKeyCommand({ KeyId }));
      assert.deepEqual((await target.client.send(decrypt)).Plaintext, Plaintext);
    },
  },
  {
    title: 'a key that is to be deleted is not used',
    async run(target) {
      const KeyId = await createKey(target);
      const { CiphertextBlob } = await target.client.send(new EncryptCommand({ KeyId, Plaintext }));
      await target.client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
      const encrypt = new EncryptCommand({ KeyId, Plaintext });
      await refuses('KMSInvalidStateException', target.client.send(encrypt));
      const decrypt = new DecryptCommand({ CiphertextBlob });
      await refuses('KMSInvalidStateException', target.client.send(decrypt));
      const again = new ScheduleKeyDeletionCommand({ KeyId });
      await refuses('KMSInvalidStateException', target.client.send(again));
    },
  },
  {
    title: 'a key waits 7 to 30 days for its deletion',
    async run(target) {
      const KeyId = await createKey(target);
      for (const PendingWindowInDays of [6, 31]) {
        const schedule = new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays });
        await refuses('ValidationException', target.client.send(schedule));
      }
      const scheduled = await target.client.send(new ScheduleKeyDeletionCommand({ KeyId }));
      assert.equal(scheduled.PendingWindowInDays, 30);
      assert.equal(scheduled.KeyState, 'PendingDeletion');
    },
  },
  {
    title: 'a key whose deletion was taken back is disabled',
    async run(target) {
      const KeyId = await createKey(target);
      const cancel = new CancelKeyDeletionCommand({ KeyId });
      await refuses('KMSInvalidStateException', target.client.send(cancel));
      await target.client.send(new ScheduleKeyDeletionCommand({ KeyId }));
      await target.client.send(cancel);
      const { KeyMetadata } = await target.client.send(new DescribeKeyCommand({ KeyId }));
      assert.equal(KeyMetadata?.KeyState, 'Disabled');
      assert.equal(KeyMetadata?.DeletionDate, undefined);
    },
  },
  {
    title: 'a key that is to be deleted gets no alias',
    async run(target) {
      const KeyId = await createKey(target);
      await target.client.send(new ScheduleKeyDeletionCommand({ KeyId }));
      const alias = new CreateAliasCommand({ AliasName: 'alias/probe-of-deletion', TargetKeyId: KeyId });
      await refuses('KMSInvalidStateException', target.client.send(alias));
    },
  },
];
