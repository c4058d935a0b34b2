import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { encryptionClient } from '@holdfast/sdk';
import { beforeEach, describe, expect, it } from 'vitest';
import { vectorKeyring } from './keyrings.ts';
import { needVectors, readManifest, vectorsDirectory } from './manifest.ts';

describe('messages of the AWS Encryption SDK for .NET 4.0.0', () => {
  beforeEach(needVectors);

  it.each(['net400-two-zero-bytes-0478', 'net400-hkdf-without-message-id-0178'])(
    'open for who asks for it, and for nobody else: %s',
    async (id) => {
      const folder = join(vectorsDirectory, 'esdk', 'negative');
      const manifest = readManifest(join(folder, 'manifest.json'));
      const vector = manifest.tests.find((test) => test.id === id);
      if (vector === undefined) throw new Error(`no vector ${id}`);
      const built = vectorKeyring(vector.keyring, manifest.keys);
      if ('missing' in built) throw new Error(`no keyring for ${id}`);
      const message = readFileSync(join(folder, vector.ciphertext));
      const client = encryptionClient({ commitmentPolicy: vector.commitmentPolicy });
      await expect(client.decrypt(message, built)).rejects.toMatchObject({ code: 'DECRYPTION_FAILED' });
      const options = { ...built, acceptDotNet400Messages: true };
      const { plaintext } = await client.decrypt(message, options);
      expect(plaintext.length).toBeGreaterThan(0);
      for (let at = 0; at < message.length; at += 3) {
        const changed = message.with(at, (message[at] ?? 0) ^ 1);
        await expect(client.decrypt(changed, options)).rejects.toMatchObject({ name: 'EncryptionSdkError' });
      }
    },
  );
});
