import { openModule } from '@holdfast/pkcs11';
import { importAesKey, type TemporaryToken, temporaryToken } from '@holdfast/pkcs11/testing';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { codeIn } from '../fixtures/error-code.ts';
import { describeWithToken } from '../fixtures/with-token.ts';

let token: TemporaryToken;
beforeAll(() => {
  token = temporaryToken();
});
afterEach(() => void vi.restoreAllMocks());
afterAll(() => token.dispose());

it('lists every AES key with what the token says of it', () => {
  importAesKey(token, { label: 'short', id: Buffer.of(1), value: Buffer.alloc(16, 1) });
  importAesKey(token, { label: 'twice', id: Buffer.of(2), value: Buffer.alloc(32, 2) });
  importAesKey(token, { label: 'twice', id: Buffer.of(3), value: Buffer.alloc(32, 3), usages: ['DECRYPT'] });
  importAesKey(token, { label: 'exposed', id: Buffer.of(5), value: Buffer.alloc(32, 5), exposed: true });
  const module = openModule({ path: token.modulePath });
  const open = module.openToken({ label: token.label, pin: token.pin });
  open.generateAesKey({ label: 'made', id: Buffer.of(4), usages: ['ENCRYPT'] });
  open.generateRsaKey({ label: 'no AES key', modulusBits: 2048 });
  const keys = [...open.aesKeys()].sort((a, b) => Buffer.compare(a.id, b.id));
  module.close();
  const stays = { sensitive: true, extractable: false, otherUsages: [] };
  expect(keys).toEqual([
    {
      ...stays,
      label: 'short',
      id: new Uint8Array([1]),
      lengthBytes: 16,
      usages: ['ENCRYPT', 'DECRYPT'],
      local: false,
    },
    {
      ...stays,
      label: 'twice',
      id: new Uint8Array([2]),
      lengthBytes: 32,
      usages: ['ENCRYPT', 'DECRYPT'],
      local: false,
    },
    { ...stays, label: 'twice', id: new Uint8Array([3]), lengthBytes: 32, usages: ['DECRYPT'], local: false },
    { ...stays, label: 'made', id: new Uint8Array([4]), lengthBytes: 32, usages: ['ENCRYPT'], local: true },
    {
      label: 'exposed',
      id: new Uint8Array([5]),
      lengthBytes: 32,
      usages: ['ENCRYPT', 'DECRYPT'],
      otherUsages: [],
      sensitive: false,
      extractable: true,
      local: false,
    },
  ]);
});

describeWithToken('a list of AES keys', (context) => {
  it('takes no failure of the token for an attribute that a key does not have', () => {
    const { open, cryptoki } = context();
    const token = open();
    token.generateAesKey({ label: 'listed' });
    const before = token.aesKeys();
    const read = vi.spyOn(cryptoki, 'C_GetAttributeValue');
    const failOnce = (name: string, value: number) =>
      read.mockImplementationOnce(() => {
        throw Object.assign(new Error(name), { code: value });
      });
    failOnce('CKR_SESSION_HANDLE_INVALID', 0xb3);
    expect(token.aesKeys()).toEqual(before);
    failOnce('CKR_DEVICE_ERROR', 0x30);
    expect(codeIn(() => token.aesKeys())).toBe('DEVICE_ERROR');
    failOnce('CKR_ATTRIBUTE_TYPE_INVALID', 0x12);
    expect(token.aesKeys()).toEqual([{ ...before[0], label: '' }]);
    token.close();
  });
});
