import { constants, createCipheriv, generateKeyPair, publicEncrypt, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { expect, onTestFinished, test, vi } from 'vitest';
import { unwrapKeyMaterial } from '../../src/cryptography/key-wrapping.ts';

test('unwrapping leaves one copy of the material', async () => {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 });
  const [aesKey, material] = [randomBytes(32), randomBytes(1217)];
  const cipher = createCipheriv('id-aes256-wrap-pad', aesKey, Buffer.from('a65959a6', 'hex'));
  const oaep = { key: publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  const wrapped = Buffer.concat([publicEncrypt(oaep, aesKey), cipher.update(material), cipher.final()]);
  const concat = vi.spyOn(Buffer, 'concat');
  onTestFinished(() => concat.mockRestore());
  const unwrapped = unwrapKeyMaterial(
    { type: 'pair', publicKey, privateKey },
    'RSA_AES_KEY_WRAP_SHA_256',
    wrapped,
  );
  expect(unwrapped).toEqual(material);
  expect(concat.mock.calls).toHaveLength(1);
  const parts = concat.mock.calls[0]?.[0] ?? [];
  expect(Buffer.from(parts.flatMap((part) => [...part]))).toEqual(Buffer.alloc(material.length));
});
