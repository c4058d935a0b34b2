import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { contextBytes } from '@holdfast/sdk/spi';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { type AzureKeyVaultKeyringOptions, azureKeyVaultKeyring } from '../src/azure-key-vault.ts';
import { multiKeyring } from '../src/multi.ts';
import { describeHttpKeyring } from './contract/http-keyring.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import { type KeyVaultServer, startKeyVault } from './fixtures/azure-key-vault.ts';
import {
  answering,
  type JsonServer,
  lying,
  startJsonServer,
  unreachableUrl,
} from './fixtures/json-server.ts';
import {
  decryptionMaterials,
  encryptionMaterials,
  keyringError,
  only,
  rootCauses,
} from './fixtures/materials.ts';

let vault: KeyVaultServer;
let liar: JsonServer;
let unreachable: string;
let keyId: string;
let otherKeyId: string;

beforeAll(async () => {
  vault = await startKeyVault();
  keyId = await vault.newVersion('orders');
  otherKeyId = await vault.newVersion('orders');
  const value = Buffer.alloc(31, 1).toString('base64url');
  liar = await startJsonServer(() => ({ status: 200, body: { kid: keyId, value } }));
  unreachable = await unreachableUrl();
});

afterAll(async () => {
  await vault.close();
  await liar.close();
});

function keyringOf(options: Partial<AzureKeyVaultKeyringOptions> = {}) {
  return azureKeyVaultKeyring({ keyId, token: async () => vault.token, ...options });
}

/** The id of a key is its address: somebody else has to stand there. */
function keyringAt(address: string) {
  return keyringOf({ fetch: (url, init) => fetch(url.replace(vault.url, address), init) });
}

describeKeyringContract('an Azure Key Vault keyring', {
  generating: keyringOf,
  stranger: () => keyringOf({ keyId: otherKeyId }),
  similar: () => [`${keyId}0`, keyId.slice(0, -1)].map((similar) => keyringOf({ keyId: similar })),
  outage: { keyService: 'Azure Key Vault', keyring: () => keyringAt(unreachable) },
  lying: () => keyringAt(liar.url),
});

describeHttpKeyring('an Azure Key Vault keyring', {
  keyService: 'Azure Key Vault',
  server: () => vault,
  keyring: (options, address = vault.url) =>
    keyringOf({ keyId: keyId.replace(vault.url, address), ...options }),
  token: () => vault.token,
  refusal: {
    body: { error: { code: 'Forbidden', message: 'no', innererror: { code: 'ForbiddenByRbac' } } },
    reason: 'ForbiddenByRbac',
  },
});

describe('an Azure Key Vault keyring', () => {
  it('writes the layout of its page, and sends the intermediate key alone', async () => {
    const before = vault.requests.length;
    const materials = encryptionMaterials();
    const { dataKey, encryptedDataKeys } = await keyringOf().onEncrypt(materials);
    const { providerId, providerInfo, ciphertext } = only(encryptedDataKeys);
    expect(providerId).toBe('azure-key-vault');
    expect(Buffer.from(providerInfo).toString()).toBe(keyId);

    expect([...ciphertext.subarray(0, 3)]).toEqual([1, 1, 0]);
    const intermediateKey = vault.unwrapped(keyId, ciphertext.subarray(3, 259));
    const value = Buffer.from(intermediateKey).toString('base64url');
    const [request, ...others] = vault.requests.slice(before);
    expect(others).toEqual([]);
    expect(request).toMatchObject({ method: 'POST', body: { alg: 'RSA-OAEP-256', value } });
    expect(`${vault.url}${request?.path}`).toBe(`${keyId}/wrapkey?api-version=7.4`);

    const key = Buffer.from(hkdfSync('sha256', intermediateKey, '', 'holdfast azure-key-vault 1', 32));
    const decipher = createDecipheriv('aes-256-gcm', key, ciphertext.subarray(259, 271));
    decipher.setAAD(contextBytes(materials.encryptionContext)).setAuthTag(ciphertext.subarray(-16));
    const opened = Buffer.concat([decipher.update(ciphertext.subarray(271, -16)), decipher.final()]);
    expect(Uint8Array.from(opened)).toEqual(dataKey);
  });

  it('takes a new intermediate key and a new IV for every data key', async () => {
    const keyring = keyringOf();
    const seen = new Set<string>();
    for (let round = 0; round < 20; round++) {
      const { ciphertext } = only((await keyring.onEncrypt(encryptionMaterials())).encryptedDataKeys);
      seen.add(Buffer.from(vault.unwrapped(keyId, ciphertext.subarray(3, 259))).toString('hex'));
      seen.add(Buffer.from(ciphertext.subarray(259, 271)).toString('hex'));
    }
    expect(seen.size).toBe(40);
  });

  it.each([3072, 4096])('works with an RSA key of %i bits', async (modulusLength) => {
    const keyring = keyringOf({ keyId: await vault.newVersion('long', modulusLength) });
    const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
    const opened = await keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys);
    expect(opened.dataKey).toEqual(dataKey);
  });

  it('opens messages of an older version of the key beside one of the newer', async () => {
    const older = await keyringOf().onEncrypt(encryptionMaterials());
    const both = multiKeyring({ children: [keyringOf({ keyId: otherKeyId }), keyringOf()] });
    const opened = await both.onDecrypt(decryptionMaterials(), older.encryptedDataKeys);
    expect(opened.dataKey).toEqual(older.dataKey);
  });

  it('asks the service about nothing that has another version, length or place', async () => {
    const wrapped = only((await keyringOf().onEncrypt(encryptionMaterials())).encryptedDataKeys);
    const { ciphertext } = wrapped;
    const before = vault.requests.length;
    for (const changed of [
      Uint8Array.of(0, ...ciphertext.subarray(1)),
      Uint8Array.of(2, ...ciphertext.subarray(1)),
      Uint8Array.of(1, 0, 0, ...ciphertext.subarray(3)),
      Uint8Array.of(1, 1, 1, ...ciphertext.subarray(3)),
      Uint8Array.of(1, 0xff, 0xff, ...ciphertext.subarray(3)),
      Uint8Array.of(...ciphertext, 0),
      ciphertext.subarray(0, -1),
      ciphertext.subarray(0, 3),
    ]) {
      const hostile = [{ ...wrapped, ciphertext: changed }];
      const error = await keyringError(keyringOf().onDecrypt(decryptionMaterials(), hostile));
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    }
    expect(vault.requests).toHaveLength(before);
  });

  it('opens nothing with a single bit changed, wherever it is', async () => {
    const keyring = keyringOf();
    const wrapped = only((await keyring.onEncrypt(encryptionMaterials())).encryptedDataKeys);
    for (let index = 0; index < wrapped.ciphertext.length; index += index < 12 || index > 250 ? 1 : 16) {
      const ciphertext = wrapped.ciphertext.map((byte, i) => (i === index ? byte ^ 0x80 : byte));
      const error = await keyringError(
        keyring.onDecrypt(decryptionMaterials(), [{ ...wrapped, ciphertext }]),
      );
      expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    }
  });

  it('opens nothing of random bytes under its own name', async () => {
    const keyring = keyringOf();
    const { encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
    const shaped = fc
      .uint8Array({ minLength: 316, maxLength: 316 })
      .map((bytes) => Uint8Array.of(1, 1, 0, ...bytes));
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 400 }), shaped), async (ciphertext) => {
        const hostile = [{ ...only(encryptedDataKeys), ciphertext }];
        const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), hostile));
        expect(error.code).toBe('DATA_KEY_NOT_OPENED');
      }),
      { numRuns: 60 },
    );
  });

  it('opens nothing that was sealed under a key which the vault wrapped for another purpose', async () => {
    const materials = encryptionMaterials();
    const wrapped = only((await keyringOf().onEncrypt(materials)).encryptedDataKeys);
    const foreign = new Uint8Array(32).fill(7);
    const iv = new Uint8Array(12);
    const cipher = createCipheriv('aes-256-gcm', foreign, iv);
    cipher.setAAD(contextBytes(materials.encryptionContext));
    const sealed = [cipher.update(new Uint8Array(32)), cipher.final(), cipher.getAuthTag()];
    const ciphertext = Buffer.concat([Buffer.of(1, 1, 0), vault.wrapped(keyId, foreign), iv, ...sealed]);
    expect(ciphertext).toHaveLength(wrapped.ciphertext.length);
    const error = await keyringError(
      keyringOf().onDecrypt(decryptionMaterials(), [{ ...wrapped, ciphertext }]),
    );
    expect(rootCauses(error)).toMatchObject([{ code: 'DATA_KEY_NOT_OPENED' }]);
  });

  it.each([
    ['another key', async () => ({ kid: await vault.newVersion('other') })],
    ['another version of the key', () => ({ kid: otherKeyId })],
    ['no key', () => ({ kid: undefined })],
    ['what it was sent', () => ({ value: Buffer.alloc(32, 1).toString('base64url') })],
    ['base64 of the other kind', () => ({ value: `${'+'.repeat(341)}A=` })],
    ['no value', () => ({ value: undefined })],
  ])('takes no answer with %s', async (_, changed) => {
    const { encryptedDataKeys } = await keyringOf().onEncrypt(encryptionMaterials());
    const change = await changed();
    vault.fault(lying((body) => ({ ...body, ...change })));
    const wrapping = await keyringError(keyringOf().onEncrypt(encryptionMaterials()));
    const opening = await keyringError(keyringOf().onDecrypt(decryptionMaterials(), encryptedDataKeys));
    vault.fault();
    expect(wrapping).toMatchObject({ code: 'KEY_SERVICE_ANSWER_INVALID', keyService: 'Azure Key Vault' });
    expect(opening.code).toBe('DATA_KEY_NOT_OPENED');
  });

  it.each([
    [401, { code: 'Unauthorized' }, 'Unauthorized', 'KEY_SERVICE_UNAVAILABLE'],
    [403, { code: 'Forbidden' }, 'Forbidden', 'KEY_SERVICE_REFUSED'],
    [403, { code: 'Forbidden', innererror: { code: 'KeyDisabled' } }, 'KeyDisabled', 'KEY_SERVICE_REFUSED'],
    [404, { code: 'KeyNotFound' }, 'KeyNotFound', 'KEY_SERVICE_REFUSED'],
    [429, { code: 'Throttled' }, 'Throttled', 'KEY_SERVICE_UNAVAILABLE'],
  ])('takes status %i, %o, for %s, which is %s', async (status, error, reason, code) => {
    vault.fault(answering(status, { error }));
    const failure = await keyringError(keyringOf().onEncrypt(encryptionMaterials()));
    vault.fault();
    expect(failure).toMatchObject({ code, cause: { status, reason } });
  });

  it('cannot be made for a key without version, or an id that is not canonical', () => {
    const version = '0698c2156c1a4e1da5b6bab6f6422fd6';
    for (const wrong of [
      'https://shop.vault.azure.net/keys/orders',
      'https://shop.vault.azure.net/keys/orders/',
      `https://shop.vault.azure.net/keys/orders/${version}/`,
      `https://shop.vault.azure.net/secrets/orders/${version}`,
      `https://shop.vault.azure.net//keys/orders/${version}`,
      `https://shop.vault.azure.net/x/../keys/orders/${version}`,
      `https://Shop.vault.azure.net/keys/orders/${version}`,
      `https://shop.vault.azure.net:443/keys/orders/${version}`,
      `https://shop.vault.azure.net/keys/or%64ers/${version}`,
    ]) {
      expect(() => keyringOf({ keyId: wrong })).toThrow(TypeError);
    }
    expect(() =>
      keyringOf({ keyId: `https://shop.managedhsm.azure.net/keys/orders/${version}` }),
    ).not.toThrow();
  });
});

describeExamples('packages/keyrings/docs/azure-key-vault.md', () => ({
  KEY_ID: keyId,
  KEY_VAULT_TOKEN: vault.token,
}));
