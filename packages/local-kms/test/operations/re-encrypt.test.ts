import { DecryptCommand, DisableKeyCommand, EncryptCommand, ReEncryptCommand } from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { refusal, startKms } from '../fixtures/kms.ts';

const Plaintext = new Uint8Array([1, 2, 3]);

async function arrange() {
  const kms = await startKms();
  const source = await kms.createKey();
  const destination = await kms.createKey();
  const SourceEncryptionContext = { from: 'a' };
  const { CiphertextBlob } = await kms.client.send(
    new EncryptCommand({ KeyId: source, Plaintext, EncryptionContext: SourceEncryptionContext }),
  );
  return { ...kms, source, destination, SourceEncryptionContext, CiphertextBlob };
}

describe('ReEncrypt', () => {
  test('moves a ciphertext to another key and context', async () => {
    const { client, source, destination, ...input } = await arrange();
    const moved = await client.send(
      new ReEncryptCommand({
        ...input,
        DestinationKeyId: destination,
        DestinationEncryptionContext: { to: 'b' },
      }),
    );
    expect(moved.SourceKeyId).toContain(source);
    expect(moved.KeyId).toContain(destination);
    const opened = await client.send(
      new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob, EncryptionContext: { to: 'b' } }),
    );
    expect(opened).toMatchObject({
      Plaintext,
      KeyId: moved.KeyId,
      KeyMaterialId: moved.DestinationKeyMaterialId,
    });
  });

  test('moves from a symmetric to an RSA key and back', async () => {
    const { client, createKey, source, ...input } = await arrange();
    const rsa = await createKey({ KeySpec: 'RSA_3072', KeyUsage: 'ENCRYPT_DECRYPT' });
    const algorithm = 'RSAES_OAEP_SHA_256';
    const out = await client.send(
      new ReEncryptCommand({ ...input, DestinationKeyId: rsa, DestinationEncryptionAlgorithm: algorithm }),
    );
    const back = await client.send(
      new ReEncryptCommand({
        CiphertextBlob: out.CiphertextBlob,
        SourceKeyId: rsa,
        SourceEncryptionAlgorithm: algorithm,
        DestinationKeyId: source,
      }),
    );
    const opened = await client.send(new DecryptCommand({ CiphertextBlob: back.CiphertextBlob }));
    expect(opened.Plaintext).toEqual(Plaintext);
  });

  test('refuses the wrong source key, the wrong context and a disabled key', async () => {
    const { client, source, destination, ...input } = await arrange();
    const reEncrypt = (change: object) =>
      refusal(client.send(new ReEncryptCommand({ ...input, DestinationKeyId: destination, ...change })));
    expect(await reEncrypt({ SourceKeyId: destination })).toBe('IncorrectKeyException');
    expect(await reEncrypt({ SourceEncryptionContext: {} })).toBe('InvalidCiphertextException');
    expect(await reEncrypt({ DryRun: true })).toBe('DryRunOperationException');
    await client.send(new DisableKeyCommand({ KeyId: source }));
    expect(await reEncrypt({})).toBe('DisabledException');
    expect(await reEncrypt({ DryRun: true })).toBe('DisabledException');
  });
});
