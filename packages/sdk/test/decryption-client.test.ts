import { describe, expect, it } from 'vitest';
import { decryptionClient, encryptionClient, iterate } from '../src/index.ts';
import { defaultCmm } from '../src/spi.ts';
import { memoryKeyring, rejection } from './fixtures/memory-keyring.ts';

const plaintext = Uint8Array.of(1, 2, 3);

describe('a client that only decrypts', () => {
  it('is the half of the other client, under the same policy', () => {
    const options = { commitmentPolicy: 'FORBID_ENCRYPT_ALLOW_DECRYPT', maxEncryptedDataKeys: 3 } as const;
    const whole = Object.keys(encryptionClient(options));
    const client = decryptionClient(options);
    expect(Object.keys(client)).toEqual(whole.filter((name) => !name.startsWith('encrypt')));
    expect(client).toMatchObject(options);
    expect(decryptionClient()).toMatchObject({
      commitmentPolicy: 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT',
      maxEncryptedDataKeys: 64,
    });
  });

  it('opens messages, whole and in chunks, with a keyring or a CMM', async () => {
    const keyring = memoryKeyring();
    const { message } = await encryptionClient().encrypt(plaintext, { keyring });
    for (const source of [{ keyring }, { cmm: defaultCmm(keyring) }]) {
      const opened = await decryptionClient().decrypt(message, source);
      expect(opened.plaintext).toEqual(plaintext);
      const parts: Uint8Array[] = [];
      for await (const part of iterate(decryptionClient().decryptor(source), [message])) parts.push(part);
      expect(parts).toEqual([plaintext]);
    }
  });

  it('refuses what its policy or its limit forbids', async () => {
    const keyring = memoryKeyring(2);
    const writer = encryptionClient({ commitmentPolicy: 'FORBID_ENCRYPT_ALLOW_DECRYPT' });
    const { message } = await writer.encrypt(plaintext, { keyring });
    const strict = decryptionClient();
    expect(await rejection(strict.decrypt(message, { keyring }))).toMatchObject({
      code: 'COMMITMENT_POLICY_VIOLATED',
    });
    const narrow = decryptionClient({ ...writer, maxEncryptedDataKeys: 1 });
    expect(await rejection(narrow.decrypt(message, { keyring }))).toMatchObject({
      code: 'TOO_MANY_ENCRYPTED_DATA_KEYS',
    });
  });

  it('wants either a keyring or a CMM', async () => {
    const keyring = memoryKeyring();
    // @ts-expect-error a caller without types
    const both = decryptionClient().decrypt(plaintext, { keyring, cmm: defaultCmm(keyring) });
    await expect(both).rejects.toBeInstanceOf(TypeError);
    // @ts-expect-error a caller without types
    await expect(decryptionClient().decrypt(plaintext, {})).rejects.toBeInstanceOf(TypeError);
    // @ts-expect-error a caller without types
    await expect(decryptionClient().decrypt(plaintext)).rejects.toThrow(/^options: /);
  });

  it('refuses an unknown policy and limits that are none', () => {
    // @ts-expect-error a caller without types
    expect(() => decryptionClient({ commitmentPolicy: 'toString' })).toThrow(TypeError);
    expect(() => decryptionClient({ maxEncryptedDataKeys: 0 })).toThrow(RangeError);
  });
});
