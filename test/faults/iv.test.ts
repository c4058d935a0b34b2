import { openModule } from '@holdfast/pkcs11';
import { type TemporaryToken, temporaryToken } from '@holdfast/pkcs11/testing';
import { createShim, hasCompiler, type Shim } from '@holdfast/testbed/shim';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

describe.skipIf(!hasCompiler())('a token that makes its own IV for AES-GCM', () => {
  let token: TemporaryToken;
  let shim: Shim;
  beforeEach(() => {
    token = temporaryToken();
    shim = createShim(token.modulePath);
  });
  afterEach(() => {
    shim.dispose();
    token.dispose();
  });

  const withKey = async <T>(work: (key: ReturnType<typeof generated>['key']) => Promise<T>): Promise<T> => {
    const { key, close } = generated();
    try {
      return await work(key);
    } finally {
      close();
    }
  };
  function generated() {
    const module = openModule({ path: shim.modulePath });
    const key = module.openToken({ label: token.label, pin: token.pin }).generateAesKey({ label: 'orders' });
    return { key, close: () => module.close() };
  }
  const input = { aad: Buffer.from('context'), plaintext: Buffer.from('data key') };

  it.each(['written', 'appended'] as const)('has it %s, and opens what it sealed', async (ivPlacement) => {
    await withKey(async (key) => {
      shim.iv(ivPlacement);
      const first = await key.encryptUnderTokenIv({ ...input, ivPlacement });
      const second = await key.encryptUnderTokenIv({ ...input, ivPlacement });
      expect(first.iv).toHaveLength(12);
      expect(first.ciphertext).toHaveLength(input.plaintext.length);
      expect(Buffer.from(first.iv).equals(second.iv)).toBe(false);
      const opened = await key.decrypt({ aad: input.aad, ...first });
      expect(input.plaintext.equals(opened)).toBe(true);
      await expect(key.decrypt({ aad: input.aad, ...first, iv: second.iv })).rejects.toMatchObject({
        code: 'DECRYPTION_FAILED',
      });
    });
  });

  it.each(['written', 'appended'] as const)(
    'is not believed when nothing was %s: the IV would be the same every time',
    async (ivPlacement) => {
      await withKey(async (key) => {
        await expect(key.encryptUnderTokenIv({ ...input, ivPlacement })).rejects.toMatchObject({
          code: 'MECHANISM_UNSUPPORTED',
        });
      });
    },
  );

  it.each(['written', 'appended'] as const)(
    'is noticed by a caller who supplied one, where it is %s',
    async (ivPlacement) => {
      await withKey(async (key) => {
        shim.iv(ivPlacement);
        await expect(key.encrypt({ ...input, iv: Buffer.alloc(12, 1) })).rejects.toMatchObject({
          code: 'MECHANISM_UNSUPPORTED',
        });
      });
    },
  );
});
