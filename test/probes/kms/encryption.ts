import assert from 'node:assert/strict';
import {
  DecryptCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateDataKeyPairWithoutPlaintextCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GenerateRandomCommand,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { createKey, type Probe, present, refuses, type Target } from '../probe.ts';

const Plaintext = new Uint8Array([1, 2, 3]);

async function encrypted({ client }: Target, KeyId: string, EncryptionContext = {}): Promise<Uint8Array> {
  const command = new EncryptCommand({ KeyId, Plaintext, EncryptionContext });
  return present((await client.send(command)).CiphertextBlob);
}

export const encryptionProbes: readonly Probe[] = [
  {
    title: 'a changed ciphertext does not decrypt',
    async run(target) {
      const blob = await encrypted(target, await createKey(target));
      for (const position of [blob.length - 1, Math.floor(blob.length / 2)]) {
        const CiphertextBlob = blob.map((byte, i) => (i === position ? byte ^ 1 : byte));
        const decrypt = new DecryptCommand({ CiphertextBlob });
        await refuses('InvalidCiphertextException', target.client.send(decrypt));
      }
    },
  },
  {
    title: 'Decrypt holds a ciphertext to the key that it names',
    async run(target) {
      const [KeyId, other] = [await createKey(target), await createKey(target)];
      const CiphertextBlob = await encrypted(target, KeyId);
      const decrypt = new DecryptCommand({ CiphertextBlob, KeyId: other });
      await refuses('IncorrectKeyException', target.client.send(decrypt));
    },
  },
  {
    title: 'an encryption context is bound name by name, not as one text',
    async run(target) {
      const CiphertextBlob = await encrypted(target, await createKey(target), { a: 'bc' });
      for (const EncryptionContext of [{ ab: 'c' }, { A: 'bc' }, { a: 'bc', d: 'e' }, {}]) {
        const decrypt = new DecryptCommand({ CiphertextBlob, EncryptionContext });
        await refuses('InvalidCiphertextException', target.client.send(decrypt));
      }
    },
  },
  {
    title: 'an encryption context has no order',
    async run(target) {
      const CiphertextBlob = await encrypted(target, await createKey(target), { a: '1', b: '2' });
      const decrypt = new DecryptCommand({ CiphertextBlob, EncryptionContext: { b: '2', a: '1' } });
      assert.deepEqual((await target.client.send(decrypt)).Plaintext, Plaintext);
    },
  },
  {
    title: 'Decrypt answers with the algorithm and the key material',
    async run(target) {
      const CiphertextBlob = await encrypted(target, await createKey(target));
      const answer = await target.client.send(new DecryptCommand({ CiphertextBlob }));
      assert.equal(answer.EncryptionAlgorithm, 'SYMMETRIC_DEFAULT');
      assert.match(present(answer.KeyMaterialId), /^[0-9a-f]{64}$/);
    },
  },
  {
    title: 'Encrypt takes 4096 bytes and not one more',
    async run(target) {
      const KeyId = await createKey(target);
      const encrypt = (length: number) =>
        target.client.send(new EncryptCommand({ KeyId, Plaintext: new Uint8Array(length) }));
      await encrypt(4096);
      await refuses('ValidationException', encrypt(4097));
    },
  },
  {
    title: 'a dry run checks everything and does nothing',
    async run(target) {
      const KeyId = await createKey(target);
      const encrypt = new EncryptCommand({ KeyId, Plaintext, DryRun: true });
      await refuses('DryRunOperationException', target.client.send(encrypt));
      const absent = new EncryptCommand({ ...encrypt.input, KeyId: 'alias/absent' });
      await refuses('NotFoundException', target.client.send(absent));
    },
  },
  {
    title: 'a data key has one length, of 1 to 1024 bytes',
    async run({ client, ...target }) {
      const KeyId = await createKey({ client, ...target });
      for (const size of [
        {},
        { NumberOfBytes: 0 },
        { NumberOfBytes: 1025 },
        { NumberOfBytes: 32, KeySpec: 'AES_256' as const },
      ]) {
        await refuses('ValidationException', client.send(new GenerateDataKeyCommand({ KeyId, ...size })));
      }
      const { Plaintext: key } = await client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_128' }));
      assert.equal(present(key).length, 16);
    },
  },
  {
    title: 'a data key without plaintext opens to as many bytes as were asked for',
    async run(target) {
      const input = { KeyId: await createKey(target), NumberOfBytes: 24 };
      const made = await target.client.send(new GenerateDataKeyWithoutPlaintextCommand(input));
      assert.equal('Plaintext' in made, false);
      const opened = await target.client.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob }));
      assert.equal(present(opened.Plaintext).length, 24);
    },
  },
  {
    title: 'ReEncrypt moves a ciphertext to another key and context',
    async run(target) {
      const CiphertextBlob = await encrypted(target, await createKey(target), { a: 'b' });
      const input = {
        CiphertextBlob,
        SourceEncryptionContext: { a: 'b' },
        DestinationKeyId: await createKey(target),
        DestinationEncryptionContext: { c: 'd' },
      };
      const moved = await target.client.send(new ReEncryptCommand(input));
      const decrypt = new DecryptCommand({
        CiphertextBlob: moved.CiphertextBlob,
        KeyId: input.DestinationKeyId,
        EncryptionContext: { c: 'd' },
      });
      assert.deepEqual((await target.client.send(decrypt)).Plaintext, Plaintext);
      const wrong = new ReEncryptCommand({ ...input, SourceEncryptionContext: { a: 'c' } });
      await refuses('InvalidCiphertextException', target.client.send(wrong));
    },
  },
  {
    title: 'a data key pair comes with its private key, encrypted and not',
    async run(target) {
      const input = { KeyId: await createKey(target), KeyPairSpec: 'ECC_NIST_P256' as const };
      const pair = await target.client.send(new GenerateDataKeyPairCommand(input));
      const CiphertextBlob = pair.PrivateKeyCiphertextBlob;
      const opened = await target.client.send(new DecryptCommand({ CiphertextBlob }));
      assert.deepEqual(opened.Plaintext, present(pair.PrivateKeyPlaintext));
      const sealed = await target.client.send(new GenerateDataKeyPairWithoutPlaintextCommand(input));
      assert.equal('PrivateKeyPlaintext' in sealed, false);
    },
  },
  {
    title: 'GenerateRandom makes 1 to 1024 bytes',
    async run({ client }) {
      const { Plaintext: bytes } = await client.send(new GenerateRandomCommand({ NumberOfBytes: 1024 }));
      assert.equal(present(bytes).length, 1024);
      for (const NumberOfBytes of [0, 1025]) {
        await refuses('ValidationException', client.send(new GenerateRandomCommand({ NumberOfBytes })));
      }
    },
  },
];
