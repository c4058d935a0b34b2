import { createDecipheriv } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { encryptionClient } from '@holdfast/sdk';
import { aesGcmKey, contextBytes } from '@holdfast/sdk/spi';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { rawAesKeyring } from '../src/raw-aes.ts';
import { describeHostileInput } from './contract/hostile-input.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import {
  decryptionMaterials,
  encryptionMaterials,
  foreignBytes,
  keyringError,
  only,
} from './fixtures/materials.ts';

/** Also the provider of browsers runs these tests, over WebCrypto, which seals only as a whole; that of Node needs no import. */
const isOverWebCrypto = !('sealer' in (await aesGcmKey(new Uint8Array(16))));

for (const length of [16, 24, 32]) {
  describeKeyringContract(`a raw AES keyring with a ${length}-byte key`, {
    generating: () => rawAesKeyring({ ...names, wrappingKey: wrappingKey(length) }),
    stranger: () => rawAesKeyring({ ...names, wrappingKey: wrappingKey(length, 0xff) }),
    similar: () =>
      [
        { ...names, name: `${names.name}2` },
        { ...names, name: names.name.slice(0, -1) },
        { ...names, namespace: `${names.namespace}2` },
      ].map((similar) => rawAesKeyring({ ...similar, wrappingKey: wrappingKey(length) })),
  });
}

describeHostileInput('a raw AES keyring', {
  keyring: () => rawAesKeyring({ ...names, wrappingKey: wrappingKey(32) }),
  providerIds: ['my-app'],
  providerInfo: () =>
    Buffer.concat([Buffer.from(names.name), Buffer.from('000000800000000c', 'hex'), Buffer.alloc(12, 1)]),
});

describe('a raw AES keyring', () => {
  it('writes the layout of the specification: name, tag bits, IV length and IV, then ciphertext and tag', async () => {
    const keyring = rawAesKeyring({ ...names, wrappingKey: wrappingKey(32) });
    const materials = encryptionMaterials();
    const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(materials);
    const { providerId, providerInfo, ciphertext } = only(encryptedDataKeys);
    const nameLength = Buffer.byteLength(names.name);
    expect(providerId).toBe(names.namespace);
    expect(Buffer.from(providerInfo.subarray(0, nameLength)).toString()).toBe(names.name);
    expect(Buffer.from(providerInfo.subarray(nameLength, -12)).toString('hex')).toBe('000000800000000c');
    const decipher = createDecipheriv('aes-256-gcm', wrappingKey(32), providerInfo.subarray(-12));
    decipher.setAAD(contextBytes(materials.encryptionContext)).setAuthTag(ciphertext.subarray(-16));
    const plaintext = Buffer.concat([decipher.update(ciphertext.subarray(0, -16)), decipher.final()]);
    expect(Uint8Array.from(plaintext)).toEqual(dataKey);
  });

  it('takes a new IV for every data key', async () => {
    const keyring = rawAesKeyring({ ...names, wrappingKey: wrappingKey(32) });
    const ivs = new Set<string>();
    for (let round = 0; round < 50; round++) {
      const { encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
      ivs.add(Buffer.from(only(encryptedDataKeys).providerInfo.subarray(-12)).toString('hex'));
    }
    expect(ivs.size).toBe(50);
  });

  it('opens what it wrapped under any names and context, and under no other name', async () => {
    const text = fc.string({ minLength: 1, maxLength: 20, unit: 'grapheme' });
    const namespaces = text.filter((namespace) => !namespace.startsWith('aws-kms'));
    const contexts = fc.dictionary(text, fc.string({ unit: 'grapheme' }), { maxKeys: 5 });
    await fc.assert(
      fc.asyncProperty(namespaces, text, contexts, async (namespace, name, encryptionContext) => {
        const keyring = rawAesKeyring({ namespace, name, wrappingKey: wrappingKey(32) });
        const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(
          encryptionMaterials({ encryptionContext }),
        );
        const materials = decryptionMaterials({ encryptionContext });
        expect((await keyring.onDecrypt(materials, encryptedDataKeys)).dataKey).toEqual(dataKey);
        for (const other of [
          { namespace: `${namespace}.`, name },
          { namespace, name: `${name}.` },
        ]) {
          const stranger = rawAesKeyring({ ...other, wrappingKey: wrappingKey(32) });
          const error = await keyringError(stranger.onDecrypt(materials, encryptedDataKeys));
          expect(error.code).toBe('DATA_KEY_NOT_OPENED');
        }
      }),
      { numRuns: 50 },
    );
  });

  it('takes a name for its own only as a whole', async () => {
    // The other name begins with ours, and the whole info is as long as ours with a longer IV would be.
    const longer = rawAesKeyring({ ...names, name: `${names.name}2`, wrappingKey: wrappingKey(32) });
    const keyring = rawAesKeyring({ ...names, wrappingKey: wrappingKey(32) });
    const { encryptedDataKeys } = await longer.onEncrypt(encryptionMaterials());
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(error.code).toBe('DATA_KEY_NOT_OPENED');
  });

  it('opens no encrypted data key whose info names another tag length, IV length or IV', async () => {
    const keyring = rawAesKeyring({ ...names, wrappingKey: wrappingKey(32) });
    const wrapped = only((await keyring.onEncrypt(encryptionMaterials())).encryptedDataKeys);
    for (let index = Buffer.byteLength(names.name); index < wrapped.providerInfo.length; index++) {
      const providerInfo = wrapped.providerInfo.map((byte, i) => (i === index ? byte ^ 1 : byte));
      const error = await keyringError(
        keyring.onDecrypt(decryptionMaterials(), [{ ...wrapped, providerInfo }]),
      );
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    }
  });

  it('opens no encrypted data key with more in its info than belongs there', async () => {
    const keyring = rawAesKeyring({ ...names, wrappingKey: wrappingKey(32) });
    const wrapped = only((await keyring.onEncrypt(encryptionMaterials())).encryptedDataKeys);
    const [beforeIv, iv] = [wrapped.providerInfo.subarray(0, -12), wrapped.providerInfo.subarray(-12)];
    for (const providerInfo of [Uint8Array.of(...beforeIv, 0, ...iv), Uint8Array.of(...beforeIv, ...iv, 0)]) {
      const error = await keyringError(
        keyring.onDecrypt(decryptionMaterials(), [{ ...wrapped, providerInfo }]),
      );
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    }
  });

  it.each([16, 24, 32])(
    'copies its key of %i bytes at once, and leaves the one it was given alone',
    async (length) => {
      // As in Chromium, where the tests run over the provider of browsers.
      const importKey = vi.spyOn(crypto.subtle, 'importKey');
      onTestFinished(() => importKey.mockRestore());
      if (length === 24) importKey.mockRejectedValue(new DOMException('no such keys', 'OperationError'));
      const given = Buffer.from(wrappingKey(length));
      const keyring = rawAesKeyring({ ...names, wrappingKey: given });
      expect(Uint8Array.from(given)).toEqual(wrappingKey(length));
      given.fill(0);
      const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
      const other = rawAesKeyring({ ...names, wrappingKey: wrappingKey(length) });
      for (const reader of [keyring, other]) {
        const opened = await reader.onDecrypt(decryptionMaterials(), encryptedDataKeys);
        expect(opened.dataKey).toEqual(dataKey);
      }
    },
  );

  if (isOverWebCrypto) {
    it('says why its key cannot be imported, to nobody but who needs it, and tries again', async () => {
      const writer = rawAesKeyring({ ...names, wrappingKey: wrappingKey(32) });
      const { dataKey, encryptedDataKeys } = await writer.onEncrypt(encryptionMaterials());
      const fault = new TypeError('there is no WebCrypto');
      const importKey = vi.spyOn(crypto.subtle, 'importKey').mockRejectedValue(fault);
      const unhandled = vi.fn<() => void>();
      process.on('unhandledRejection', unhandled);
      onTestFinished(() => {
        importKey.mockRestore();
        process.off('unhandledRejection', unhandled);
      });
      const given = wrappingKey(32);
      const keyring = rawAesKeyring({ ...names, wrappingKey: given });
      given.fill(0);
      await setImmediate();
      const open = () => keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys);
      await expect(keyring.onEncrypt(encryptionMaterials())).rejects.toBe(fault);
      await expect(open()).rejects.toBe(fault);
      importKey.mockRestore();
      for (let round = 0; round < 2; round++) expect((await open()).dataKey).toEqual(dataKey);
      expect(unhandled).not.toHaveBeenCalled();
    });
  }

  it('cannot be made with names that are empty or reserved', () => {
    for (const wrong of [
      { namespace: '' },
      { namespace: 'aws-kms' },
      { namespace: 'aws-kms-mine' },
      { name: '' },
    ]) {
      expect(() => rawAesKeyring({ ...names, wrappingKey: wrappingKey(32), ...wrong })).toThrow(TypeError);
    }
  });

  it('takes names that just fit a message, and cannot be made with longer ones', async () => {
    const key = wrappingKey(32);
    const longest = { namespace: `x${'ü'.repeat(32_767)}`, name: `x${'ü'.repeat(32_757)}` };
    const keyring = rawAesKeyring({ ...longest, wrappingKey: key });
    const { message } = await encryptionClient().encrypt(Uint8Array.of(1), { keyring });
    expect((await encryptionClient().decrypt(message, { keyring })).plaintext).toEqual(Uint8Array.of(1));
    for (const tooLong of [{ namespace: `${longest.namespace}x` }, { name: `${longest.name}x` }]) {
      expect(() => rawAesKeyring({ ...longest, wrappingKey: key, ...tooLong })).toThrow(RangeError);
    }
  });

  it('takes a key of another realm, and none in shared memory', async () => {
    const writer = rawAesKeyring({ ...names, wrappingKey: foreignBytes(wrappingKey(32)) });
    const { message } = await encryptionClient().encrypt(Uint8Array.of(1), { keyring: writer });
    const keyring = rawAesKeyring({ ...names, wrappingKey: wrappingKey(32) });
    expect((await encryptionClient().decrypt(message, { keyring })).plaintext).toEqual(Uint8Array.of(1));
    const shared = new Uint8Array(new SharedArrayBuffer(32)).fill(1);
    expect(() => rawAesKeyring({ ...names, wrappingKey: shared })).toThrow(TypeError);
  });

  it('cannot be made with a key of another length, or one that was wiped', () => {
    for (const length of [0, 15, 17, 31, 33, 64]) {
      expect(() => rawAesKeyring({ ...names, wrappingKey: wrappingKey(length) })).toThrow(RangeError);
    }
    expect(() => rawAesKeyring({ ...names, wrappingKey: new Uint8Array(32) })).toThrow(TypeError);
  });
});

describeExamples('packages/keyrings/docs/raw-aes.md');

function wrappingKey(length: number, mask = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i + 1) ^ mask);
}

const names = { namespace: 'my-app', name: 'Schlüssel 1' };
