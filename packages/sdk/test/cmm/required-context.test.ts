import { describe, expect, it } from 'vitest';
import { encryptionClient, requiredEncryptionContextCmm } from '../../src/index.ts';
import { type DecryptionMaterials, defaultCmm, type EncryptionMaterials } from '../../src/spi.ts';
import { memoryKeyring, rejection } from '../fixtures/memory-keyring.ts';

const plaintext = Uint8Array.of(1, 2, 3);
const client = encryptionClient();

describe('the required encryption context CMM', () => {
  it('keeps required pairs out of the message and wants them back', async () => {
    const keyring = memoryKeyring();
    const cmm = requiredEncryptionContextCmm({ keyring, requiredEncryptionContextKeys: ['tenant'] });
    const encryptionContext = { tenant: 'acme-0815', purpose: 'test' };
    const { message, header } = await client.encrypt(plaintext, { cmm, encryptionContext });
    expect(Object.keys(header.encryptionContext)).toEqual(expect.not.arrayContaining(['tenant']));
    expect(Buffer.from(message).includes('acme-0815')).toBe(false);

    const opened = await client.decrypt(message, { cmm, encryptionContext: { tenant: 'acme-0815' } });
    expect(opened.plaintext).toEqual(plaintext);
    expect(opened.encryptionContext).toMatchObject(encryptionContext);

    expect(await rejection(client.decrypt(message, { cmm }))).toMatchObject({
      code: 'ENCRYPTION_CONTEXT_MISMATCH',
    });
    expect(await rejection(client.decrypt(message, { keyring }))).toMatchObject({
      code: 'DECRYPTION_FAILED',
    });
    const other = client.decrypt(message, { cmm, encryptionContext: { tenant: 'other' } });
    expect(await rejection(other)).toMatchObject({ code: 'DECRYPTION_FAILED' });
  });

  it('wants required keys in the context of encrypt', async () => {
    const cmm = requiredEncryptionContextCmm({
      keyring: memoryKeyring(),
      requiredEncryptionContextKeys: ['tenant'],
    });
    expect(await rejection(client.encrypt(plaintext, { cmm, encryptionContext: { a: '1' } }))).toMatchObject({
      code: 'ENCRYPTION_CONTEXT_MISMATCH',
    });
  });

  it('joins its keys with those of a CMM like it below', async () => {
    const keyring = memoryKeyring();
    const cmm = requiredEncryptionContextCmm({ keyring, requiredEncryptionContextKeys: ['a'] });
    const outer = requiredEncryptionContextCmm({ cmm, requiredEncryptionContextKeys: ['b'] });
    const { header } = await client.encrypt(plaintext, {
      cmm: outer,
      encryptionContext: { a: '1', b: '2', c: '3' },
    });
    expect(Object.keys(header.encryptionContext).sort()).toEqual(['aws-crypto-public-key', 'c']);
  });

  it('refuses and wipes what the CMM below made of a request without a required key', async () => {
    const inner = defaultCmm(memoryKeyring());
    const { message } = await client.encrypt(plaintext, {
      cmm: inner,
      encryptionContext: { tenant: 'acme' },
    });
    const dataKeys: Uint8Array[] = [];
    const kept = <M extends EncryptionMaterials | DecryptionMaterials>(materials: M): M => {
      if (materials.dataKey !== undefined) dataKeys.push(materials.dataKey);
      return materials;
    };
    const cmm = requiredEncryptionContextCmm({
      requiredEncryptionContextKeys: ['tenant'],
      cmm: {
        encryptionMaterials: async (request) =>
          kept({ ...(await inner.encryptionMaterials(request)), requiredEncryptionContextKeys: [] }),
        decryptionMaterials: async (request) =>
          kept({ ...(await inner.decryptionMaterials(request)), encryptionContext: {} }),
      },
    });
    const options = { cmm, encryptionContext: { tenant: 'acme' } };
    expect(await rejection(client.encrypt(plaintext, options))).toMatchObject({ code: 'MATERIALS_INVALID' });
    expect(await rejection(client.decrypt(message, options))).toMatchObject({
      code: 'ENCRYPTION_CONTEXT_MISMATCH',
    });
    expect(dataKeys).toEqual([new Uint8Array(32), new Uint8Array(32)]);
  });

  it('takes keys that are texts only: a number would be found in the context, and still be stored', () => {
    const requiredEncryptionContextKeys: readonly unknown[] = [1];
    expect(() =>
      // @ts-expect-error a caller without types
      requiredEncryptionContextCmm({ keyring: memoryKeyring(), requiredEncryptionContextKeys }),
    ).toThrow(TypeError);
  });

  it('needs a key', () => {
    expect(() =>
      requiredEncryptionContextCmm({ keyring: memoryKeyring(), requiredEncryptionContextKeys: [] }),
    ).toThrow(TypeError);
  });
});

describe('the sources of materials', () => {
  it('are one, not two and not none', () => {
    const keyring = memoryKeyring();
    const keys = { requiredEncryptionContextKeys: ['a'] };
    // @ts-expect-error a caller without types
    expect(() => requiredEncryptionContextCmm({ ...keys, keyring, cmm: defaultCmm(keyring) })).toThrow(
      TypeError,
    );
    // @ts-expect-error a caller without types
    expect(() => requiredEncryptionContextCmm(keys)).toThrow(TypeError);
    // @ts-expect-error a caller without types
    expect(() => requiredEncryptionContextCmm({ keyring, requiredEncryptionContextKeys: 'a' })).toThrow(
      TypeError,
    );
  });
});

describe('a reproduced encryption context', () => {
  it('must agree with what the message stores', async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(plaintext, {
      keyring,
      encryptionContext: { a: '1', b: '2', empty: '' },
    });
    const read = (encryptionContext: Record<string, string>) =>
      client.decrypt(message, { keyring, encryptionContext });
    expect((await read({ a: '1' })).encryptionContext).toMatchObject({ a: '1', b: '2' });
    for (const other of [{ a: '9' }, { a: '' }, { empty: '3' }]) {
      expect(await rejection(read(other))).toMatchObject({ code: 'ENCRYPTION_CONTEXT_MISMATCH' });
    }
    expect(await rejection(read({ c: '3' }))).toMatchObject({ code: 'DECRYPTION_FAILED' });
  });
});
