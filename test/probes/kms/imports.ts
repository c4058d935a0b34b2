import assert from 'node:assert/strict';
import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto';
import {
  DecryptCommand,
  DeleteImportedKeyMaterialCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  type ImportKeyMaterialCommandInput,
} from '@aws-sdk/client-kms';
import { createKey, type Probe, present, refuses, type Target } from '../probe.ts';

const Plaintext = new Uint8Array([1, 2, 3]);

async function importMaterial(
  { client }: Pick<Target, 'client'>,
  KeyId: string,
  material: Uint8Array,
  members: Partial<ImportKeyMaterialCommandInput> = { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' },
): Promise<void> {
  const wrapping = { WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_2048' } as const;
  const parameters = await client.send(new GetParametersForImportCommand({ KeyId, ...wrapping }));
  const der = Buffer.from(present(parameters.PublicKey));
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const EncryptedKeyMaterial = publicEncrypt({ key, padding, oaepHash: 'sha256' }, material);
  const { ImportToken } = parameters;
  await client.send(new ImportKeyMaterialCommand({ KeyId, ImportToken, EncryptedKeyMaterial, ...members }));
}

export const importProbes: readonly Probe[] = [
  {
    title: 'a key of the origin EXTERNAL waits for its material and then encrypts',
    async run(target) {
      const KeyId = await createKey(target, { Origin: 'EXTERNAL' });
      const encrypt = new EncryptCommand({ KeyId, Plaintext });
      await refuses('KMSInvalidStateException', target.client.send(encrypt));
      await importMaterial(target, KeyId, randomBytes(32));
      const { CiphertextBlob } = await target.client.send(encrypt);
      const opened = await target.client.send(new DecryptCommand({ CiphertextBlob }));
      assert.deepEqual(opened.Plaintext, Plaintext);
    },
  },
  {
    title: 'deleted material comes back only as it was',
    async run(target) {
      const KeyId = await createKey(target, { Origin: 'EXTERNAL' });
      const material = randomBytes(32);
      await importMaterial(target, KeyId, material);
      const { CiphertextBlob } = await target.client.send(new EncryptCommand({ KeyId, Plaintext }));
      await target.client.send(new DeleteImportedKeyMaterialCommand({ KeyId }));
      const { KeyMetadata } = await target.client.send(new DescribeKeyCommand({ KeyId }));
      assert.equal(KeyMetadata?.KeyState, 'PendingImport');
      await refuses('IncorrectKeyMaterialException', importMaterial(target, KeyId, randomBytes(32)));
      await importMaterial(target, KeyId, material);
      const opened = await target.client.send(new DecryptCommand({ CiphertextBlob }));
      assert.deepEqual(opened.Plaintext, Plaintext);
    },
  },
  {
    title: 'an import token is for one key',
    async run(target) {
      const KeyId = await createKey(target, { Origin: 'EXTERNAL' });
      const members = {
        ImportToken: randomBytes(64),
        ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
      } as const;
      await refuses('InvalidImportTokenException', importMaterial(target, KeyId, randomBytes(32), members));
    },
  },
  {
    title: 'material that expires says when, in the next 365 days',
    async run(target) {
      const KeyId = await createKey(target, { Origin: 'EXTERNAL' });
      await refuses('ValidationException', importMaterial(target, KeyId, randomBytes(32), {}));
      const ValidTo = new Date(Date.now() + 3_600_000);
      await importMaterial(target, KeyId, randomBytes(32), { ValidTo });
      const { KeyMetadata } = await target.client.send(new DescribeKeyCommand({ KeyId }));
      assert.equal(KeyMetadata?.ExpirationModel, 'KEY_MATERIAL_EXPIRES');
      assert.equal(KeyMetadata?.ValidTo?.getTime(), ValidTo.getTime());
    },
  },
];
