import assert from 'node:assert/strict';
import {
  DecryptCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GetKeyRotationStatusCommand,
  ListKeyRotationsCommand,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms';
import { createKey, type Probe, refuses } from '../probe.ts';

const Plaintext = new Uint8Array([1, 2, 3]);

export const rotationProbes: readonly Probe[] = [
  {
    title: 'a key is rotated every 90 to 2560 days, or yearly',
    async run({ client }) {
      const KeyId = await createKey({ client });
      for (const RotationPeriodInDays of [89, 2561]) {
        const enable = new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays });
        await refuses('ValidationException', client.send(enable));
      }
      await client.send(new EnableKeyRotationCommand({ KeyId }));
      const yearly = await client.send(new GetKeyRotationStatusCommand({ KeyId }));
      assert.equal(yearly.RotationPeriodInDays, 365);
      await client.send(new EnableKeyRotationCommand({ KeyId, RotationPeriodInDays: 90 }));
      const status = await client.send(new GetKeyRotationStatusCommand({ KeyId }));
      assert.equal(status.RotationPeriodInDays, 90);
      assert.ok(status.NextRotationDate);
    },
  },
  {
    title: 'a key that was rotated on demand opens what it encrypted before',
    async run({ client }) {
      const KeyId = await createKey({ client });
      const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
      await client.send(new RotateKeyOnDemandCommand({ KeyId }));
      const before = await client.send(new DecryptCommand({ CiphertextBlob }));
      assert.deepEqual(before.Plaintext, Plaintext);
      const encrypted = await client.send(new EncryptCommand({ KeyId, Plaintext }));
      const decrypt = new DecryptCommand({ CiphertextBlob: encrypted.CiphertextBlob });
      assert.notEqual((await client.send(decrypt)).KeyMaterialId, before.KeyMaterialId);
    },
  },
  {
    title: 'rotations are listed, and the first material where it is asked for',
    async run({ client }) {
      const KeyId = await createKey({ client });
      await client.send(new RotateKeyOnDemandCommand({ KeyId }));
      const { Rotations } = await client.send(new ListKeyRotationsCommand({ KeyId }));
      assert.deepEqual(
        Rotations?.map(({ RotationType }) => RotationType),
        ['ON_DEMAND'],
      );
      const all = new ListKeyRotationsCommand({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' });
      const states = (await client.send(all)).Rotations?.map(({ KeyMaterialState }) => KeyMaterialState);
      assert.deepEqual(states, ['NON_CURRENT', 'CURRENT']);
    },
  },
  {
    title: 'an asymmetric key is not rotated',
    async run({ client }) {
      const KeyId = await createKey({ client }, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
      for (const call of [
        () => client.send(new EnableKeyRotationCommand({ KeyId })),
        () => client.send(new RotateKeyOnDemandCommand({ KeyId })),
      ]) {
        await refuses('UnsupportedOperationException', call());
      }
    },
  },
];
