import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { AesKey, RsaKey } from '@holdfast/pkcs11';
import { destroyKeys, type Outsider, outsider } from '@holdfast/pkcs11/testing';
import type { EncryptedDataKey, Keyring } from '@holdfast/sdk/spi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { type Pkcs11AesKeyringOptions, type Pkcs11RsaKeyringOptions, pkcs11Keyring } from '../src/pkcs11.ts';
import { rawAesKeyring } from '../src/raw-aes.ts';
import { type RawRsaKeyringOptions, rawRsaKeyring } from '../src/raw-rsa.ts';
import { describeHostileInput } from './contract/hostile-input.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import { decryptionMaterials, encryptionMaterials, keyringError } from './fixtures/materials.ts';
import { aesKeyValues, type PreparedToken, rsaKeyPairs, tokenKinds } from './fixtures/tokens.ts';

const names = { namespace: 'my-hsm', name: 'Schlüssel 1' };
const similarNames = [
  { namespace: names.namespace, name: `${names.name}2` },
  { namespace: names.namespace, name: names.name.slice(0, -1) },
  { namespace: `${names.namespace}2`, name: names.name },
];

for (const [kind, { missing, prepare }] of Object.entries(tokenKinds)) {
  const reason = missing === '' ? '' : ` (${missing})`;
  describe.skipIf(reason !== '')(`on ${kind}${reason}`, () => {
    let prepared: PreparedToken;
    let somebody: Outsider;
    let closedKeys: { readonly aes: AesKey; readonly rsa: RsaKey };
    beforeAll(() => {
      prepared = prepare();
      const closed = prepared.open();
      closedKeys = { aes: closed.aesKey({ label: 'orders' }), rsa: closed.rsaKey({ label: 'orders' }) };
      closed.close();
      somebody = outsider(prepared.temporary);
    });
    afterAll(() => {
      somebody.leave();
      prepared.close();
    });

    const aesKey = (label = 'orders') => prepared.token.aesKey({ label });
    const aesKeyring = (options: Partial<Pkcs11AesKeyringOptions> = {}) =>
      pkcs11Keyring({ ...names, key: aesKey(), ...options });
    // The one hash function that both modules have.
    const rsaKeyring = (options: Partial<Pkcs11RsaKeyringOptions> = {}) =>
      pkcs11Keyring({
        ...names,
        key: prepared.token.rsaKey({ label: 'orders' }),
        padding: 'OAEP-SHA-1',
        ...options,
      });

    describeKeyringContract('a PKCS#11 keyring with an AES key', {
      generating: aesKeyring,
      stranger: () => aesKeyring({ key: aesKey('strange') }),
      similar: () => similarNames.map(aesKeyring),
      outage: { keyService: 'PKCS#11 token', keyring: () => aesKeyring({ key: closedKeys.aes }) },
      lying: () => aesKeyring({ key: { ...aesKey(), decrypt: async () => new Uint8Array(31) } }),
    });

    describeKeyringContract('a PKCS#11 keyring with an RSA key', {
      generating: rsaKeyring,
      stranger: () => rsaKeyring({ key: prepared.token.rsaKey({ label: 'strange' }) }),
      similar: () => similarNames.map(rsaKeyring),
      outage: { keyService: 'PKCS#11 token', keyring: () => rsaKeyring({ key: closedKeys.rsa }) },
      lying: () =>
        rsaKeyring({
          key: { ...prepared.token.rsaKey({ label: 'orders' }), decrypt: async () => new Uint8Array(31) },
        }),
      bindsContext: false,
    });

    describeHostileInput('a PKCS#11 keyring with an AES key', {
      keyring: aesKeyring,
      providerIds: [names.namespace],
      providerInfo: () =>
        Buffer.concat([Buffer.from(names.name), Buffer.from('000000800000000c', 'hex'), Buffer.alloc(12, 1)]),
    });

    describeHostileInput('a PKCS#11 keyring with an RSA key', {
      keyring: rsaKeyring,
      providerIds: [names.namespace],
      providerInfo: () => Buffer.from(names.name),
    });

    it('with an AES key, exchanges data keys with a raw AES keyring that holds the same key', async () => {
      const raw = rawAesKeyring({ ...names, wrappingKey: aesKeyValues.orders });
      await expectExchange(aesKeyring(), raw);
      await expectExchange(raw, aesKeyring());
    });

    it('with an RSA key, exchanges data keys with a raw RSA keyring that holds the same key', async () => {
      const raw = rawRsaKeyring({ ...names, ...rsaKeyPairs.orders, padding: 'OAEP-SHA-1' });
      await expectExchange(rsaKeyring(), raw);
      await expectExchange(raw, rsaKeyring());
    });

    it('opens what was wrapped with the public key that the token gave away', async () => {
      const publicKey = prepared.token.rsaKey({ label: 'orders' }).publicKey();
      await expectExchange(rawRsaKeyring({ ...names, publicKey, padding: 'OAEP-SHA-1' }), rsaKeyring());
    });

    it('reads PKCS #1 v1.5, and does not write it', async () => {
      const legacy: RawRsaKeyringOptions['padding'] = 'PKCS1-v1_5';
      const { publicKey } = rsaKeyPairs.orders;
      const writer = rawRsaKeyring({ ...names, publicKey, padding: legacy, unsafeLegacyEncryption: true });
      await expectExchange(writer, rsaKeyring({ padding: legacy }));
      await expect(rsaKeyring({ padding: legacy }).onEncrypt(encryptionMaterials())).rejects.toThrow(
        TypeError,
      );
    });

    it('wipes the data key that it made where the token does not wrap it, and leaves that of the caller alone', async () => {
      const offered: Uint8Array[] = [];
      const refusing = async ({ plaintext }: { readonly plaintext: Uint8Array }): Promise<never> => {
        offered.push(plaintext);
        throw new Error('refused');
      };
      for (const keyring of [
        aesKeyring({ key: { ...aesKey(), encrypt: refusing } }),
        rsaKeyring({ key: { ...prepared.token.rsaKey({ label: 'orders' }), encrypt: refusing } }),
      ]) {
        const dataKey = new Uint8Array(32).fill(7);
        await keyringError(keyring.onEncrypt(encryptionMaterials()));
        await keyringError(keyring.onEncrypt({ ...encryptionMaterials(), dataKey }));
        expect(offered.splice(0)).toEqual([new Uint8Array(32), new Uint8Array(32).fill(7)]);
      }
    });

    it('takes a new IV for every data key', async () => {
      const ivs = new Set<string>();
      for (let round = 0; round < 50; round++) {
        const { encryptedDataKeys } = await aesKeyring().onEncrypt(encryptionMaterials());
        ivs.add(Buffer.from(only(encryptedDataKeys).providerInfo.subarray(-12)).toString('hex'));
      }
      expect(ivs.size).toBe(50);
    });

    it('shares four sessions among any number of calls', async () => {
      const keyring = aesKeyring();
      await Promise.all(Array.from({ length: 100 }, async () => keyring.onEncrypt(encryptionMaterials())));
      const { open, idle, limit } = prepared.token.sessions();
      expect(limit).toBe(4);
      expect(open).toBeLessThanOrEqual(4);
      expect(idle).toBe(open);
    });

    it('goes on after somebody closed all sessions, or logged the process out', async () => {
      const disturbances: readonly (keyof Outsider)[] = ['closeAllSessions', 'logOut'];
      for (const keyring of [aesKeyring(), rsaKeyring()]) {
        for (const disturbance of disturbances) {
          const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
          somebody[disturbance]();
          const opened = await keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys);
          expect(opened.dataKey).toEqual(dataKey);
          somebody[disturbance]();
          await expectExchange(keyring, keyring);
        }
      }
    });

    it('says that the token is out while the module is not initialised, and goes on when it is again', async () => {
      const out = { code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'PKCS#11 token' };
      const keyrings = [aesKeyring(), rsaKeyring()];
      const wrapped = await Promise.all(keyrings.map((keyring) => keyring.onEncrypt(encryptionMaterials())));
      somebody.finalizeModule();
      for (const [i, keyring] of keyrings.entries()) {
        const keys = wrapped[i]?.encryptedDataKeys ?? [];
        expect(await keyringError(keyring.onEncrypt(encryptionMaterials()))).toMatchObject(out);
        expect(await keyringError(keyring.onDecrypt(decryptionMaterials(), keys))).toMatchObject(out);
      }
      somebody.initializeModule();
      for (const [i, keyring] of keyrings.entries()) {
        const { dataKey, encryptedDataKeys = [] } = wrapped[i] ?? {};
        const opened = await keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys);
        expect(opened.dataKey).toEqual(dataKey);
      }
    });

    it('says what the token refused: a key that is gone, and a padding that it does not offer', async () => {
      const { temporary, token } = prepared;
      token.generateAesKey({ label: 'short-lived' });
      const keyring = aesKeyring({ key: aesKey('short-lived') });
      const { encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
      destroyKeys(temporary, { label: 'short-lived' });
      const refused = { code: 'KEY_SERVICE_REFUSED', keyService: 'PKCS#11 token' };
      expect(await keyringError(keyring.onEncrypt(encryptionMaterials()))).toMatchObject({
        ...refused,
        cause: { code: 'KEY_NOT_FOUND' },
      });
      const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys));
      expect(error).toMatchObject({ code: 'DATA_KEY_NOT_OPENED', cause: { errors: [refused] } });

      const sha512 = rsaKeyring({ padding: 'OAEP-SHA-512' });
      const wrapping = sha512.onEncrypt(encryptionMaterials());
      if (kind === 'SoftHSM') {
        const unsupported = { ...refused, cause: { code: 'MECHANISM_UNSUPPORTED' } };
        expect(await keyringError(wrapping)).toMatchObject(unsupported);
      } else {
        expect((await wrapping).encryptedDataKeys).toHaveLength(1);
        const { publicKey, privateKey } = rsaKeyPairs.orders;
        const raw = rawRsaKeyring({ ...names, publicKey, privateKey, padding: 'OAEP-SHA-512' });
        await expectExchange(sha512, raw);
        await expectExchange(raw, sha512);
      }
    });

    it('cannot be made with names that are empty, reserved or too long, nor with a key or padding that is none', () => {
      for (const wrong of [
        { namespace: '' },
        { namespace: 'aws-kms-mine' },
        { name: '' },
        { name: '\ud800' },
      ]) {
        expect(() => aesKeyring(wrong)).toThrow(TypeError);
        expect(() => rsaKeyring(wrong)).toThrow(TypeError);
      }
      expect(() => aesKeyring({ name: 'x'.repeat(65_516) })).toThrow(RangeError);
      expect(() => rsaKeyring({ name: 'x'.repeat(65_536) })).toThrow(RangeError);
      const options = { ...names, key: aesKey(), padding: 'OAEP-SHA-256' };
      expect(() => pkcs11Keyring(options)).toThrow(TypeError);
      // @ts-expect-error JavaScript lets this through.
      expect(() => rsaKeyring({ padding: 'toString' })).toThrow(TypeError);
      // @ts-expect-error JavaScript lets this through.
      expect(() => aesKeyring({ key: 'orders' })).toThrow(TypeError);
    });
  });
}

describe.skipIf(tokenKinds.SoftHSM.missing !== '')('with a token of its own', () => {
  let prepared: PreparedToken;
  beforeAll(() => {
    prepared = tokenKinds.SoftHSM.prepare();
  });
  afterAll(() => prepared.close());

  describeExamples('packages/keyrings/docs/pkcs11.md', () => ({
    ...prepared.environment,
    PKCS11_MODULE: prepared.temporary.modulePath,
    PKCS11_PIN: prepared.temporary.pin,
  }));

  it('says that the token is out when all that it holds has vanished', async () => {
    const { temporary, token } = prepared;
    const keyrings = [
      pkcs11Keyring({ ...names, key: token.aesKey({ label: 'orders' }) }),
      pkcs11Keyring({ ...names, key: token.rsaKey({ label: 'orders' }), padding: 'OAEP-SHA-1' }),
    ];
    const wrapped = await Promise.all(keyrings.map((keyring) => keyring.onEncrypt(encryptionMaterials())));
    rmSync(join(temporary.directory, 'objects'), { recursive: true });
    const out = { code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'PKCS#11 token' };
    for (const [i, keyring] of keyrings.entries()) {
      const keys = wrapped[i]?.encryptedDataKeys ?? [];
      expect(await keyringError(keyring.onEncrypt(encryptionMaterials()))).toMatchObject(out);
      expect(await keyringError(keyring.onDecrypt(decryptionMaterials(), keys))).toMatchObject(out);
    }
  });
});

/** Every length of data key, wrapped by the one and opened by the other. */
async function expectExchange(writer: Keyring, reader: Keyring): Promise<void> {
  for (const suite of [0x0014, 0x0146, 0x0478] as const) {
    const { dataKey, encryptedDataKeys } = await writer.onEncrypt(encryptionMaterials({ suite }));
    const opened = await reader.onDecrypt(decryptionMaterials({ suite }), encryptedDataKeys);
    expect(opened.dataKey).toEqual(dataKey);
  }
}

function only(keys: readonly EncryptedDataKey[]): EncryptedDataKey {
  const [key, ...others] = keys;
  if (key === undefined || others.length > 0) throw new Error('expected one encrypted data key');
  return key;
}
