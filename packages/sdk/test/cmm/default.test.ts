import { describe, expect, it } from 'vitest';
import { knownSuite } from '../../src/commitment-policy.ts';
import { encryptionClient, type Keyring, requiredEncryptionContextCmm } from '../../src/index.ts';
import { defaultCmm } from '../../src/spi.ts';
import { memoryKeyring, rejection, unboundKeyring } from '../fixtures/memory-keyring.ts';

const plaintext = Uint8Array.of(1, 2, 3);
const client = encryptionClient();

/** A keyring whose results have other values in these fields. */
function answering(keyring: Keyring, change: object): Keyring {
  return {
    onEncrypt: async (materials) => Object.assign({ ...(await keyring.onEncrypt(materials)) }, change),
    onDecrypt: async (materials, keys) =>
      Object.assign({ ...(await keyring.onDecrypt(materials, keys)) }, change),
  };
}

describe('the default CMM, of what a keyring returns,', () => {
  it('does not take that a pair need not be authenticated', async () => {
    const keyring = unboundKeyring();
    const { message } = await client.encrypt(plaintext, { keyring, suite: 0x0478 });
    for (const reader of [keyring, answering(keyring, { requiredEncryptionContextKeys: [] })]) {
      const opening = client.decrypt(message, { keyring: reader, encryptionContext: { tenant: '42' } });
      expect(await rejection(opening)).toMatchObject({ code: 'DECRYPTION_FAILED' });
    }
  });

  it('does not take that a required key may be stored', async () => {
    const keyring = answering(memoryKeyring(), { requiredEncryptionContextKeys: [] });
    const cmm = requiredEncryptionContextCmm({ keyring, requiredEncryptionContextKeys: ['patient'] });
    const encryptionContext = { patient: '4711' };
    const { message, header } = await client.encrypt(plaintext, { cmm, encryptionContext });
    expect(header.encryptionContext).not.toHaveProperty('patient');
    expect((await client.decrypt(message, { cmm, encryptionContext })).plaintext).toEqual(plaintext);
  });

  it('takes no other encryption context', async () => {
    const keyring = memoryKeyring();
    const lying = answering(keyring, { encryptionContext: { tenant: 'acme' } });
    const encryptionContext = { tenant: 'mallory' };
    const { message } = await client.encrypt(plaintext, { keyring: lying, encryptionContext });
    for (const reader of [keyring, lying]) {
      const opened = await client.decrypt(message, { keyring: reader, encryptionContext });
      expect(opened.encryptionContext).toMatchObject(encryptionContext);
    }
  });

  it('takes no other suite or signing key', async () => {
    const keyring = memoryKeyring();
    const change = { suite: knownSuite(0x0478), signingKey: undefined, verificationKey: undefined };
    const { message, suite } = await client.encrypt(plaintext, { keyring: answering(keyring, change) });
    expect(suite.id).toBe(0x0578);
    const opened = await client.decrypt(message, { keyring: answering(keyring, change) });
    expect(opened.suite.id).toBe(0x0578);
  });

  it('takes nothing for materials that has no data key', async () => {
    const keyring = memoryKeyring();
    const { message } = await client.encrypt(plaintext, { keyring });
    const keyless = { cmm: defaultCmm(answering(keyring, { dataKey: undefined })) };
    expect(await rejection(client.encrypt(plaintext, keyless))).toMatchObject({ code: 'MATERIALS_INVALID' });
    expect(await rejection(client.decrypt(message, keyless))).toMatchObject({ code: 'DECRYPTION_FAILED' });
    // @ts-expect-error a keyring without types
    const silent: Keyring = { onEncrypt: async () => undefined, onDecrypt: async () => undefined };
    expect(await rejection(client.encrypt(plaintext, { keyring: silent }))).toMatchObject({
      code: 'KEYRING_FAILED',
    });
    expect(await rejection(client.decrypt(message, { keyring: silent }))).toMatchObject({
      code: 'DECRYPTION_FAILED',
    });
  });
});

describe('the default CMM, of what it is asked,', () => {
  const commitmentPolicy = 'REQUIRE_ENCRYPT_REQUIRE_DECRYPT';
  const [signed, unsigned] = [knownSuite(0x0578), knownSuite(0x0478)];

  it('takes a public key from the message alone, and none for a suite that does not sign', async () => {
    const cmm = defaultCmm(unboundKeyring());
    const { encryptionContext, encryptedDataKeys } = await cmm.encryptionMaterials({
      commitmentPolicy,
      suite: signed,
      encryptionContext: {},
      requiredEncryptionContextKeys: [],
    });
    expect(Object.keys(encryptionContext)).toEqual(['aws-crypto-public-key']);
    const request = { commitmentPolicy, encryptedDataKeys } as const;
    const [withKey, none] = [encryptionContext, {}];
    const materials = await cmm.decryptionMaterials({
      ...request,
      suite: signed,
      encryptionContext: withKey,
      reproducedEncryptionContext: withKey,
    });
    expect(materials.verificationKey).toBeDefined();
    for (const [suite, stored, reproduced] of [
      [signed, none, withKey],
      [unsigned, none, withKey],
      [unsigned, withKey, none],
    ] as const) {
      const asked = cmm.decryptionMaterials({
        ...request,
        suite,
        encryptionContext: stored,
        reproducedEncryptionContext: reproduced,
      });
      expect(await rejection(asked)).toMatchObject({ code: 'DECRYPTION_FAILED' });
    }
  });

  it('asks the keyring for nothing under a suite that the policy does not let a message have', async () => {
    const keyring = memoryKeyring();
    const cmm = defaultCmm(keyring);
    const request = { commitmentPolicy, suite: knownSuite(0x0178), encryptionContext: {} } as const;
    for (const asked of [
      cmm.encryptionMaterials({ ...request, requiredEncryptionContextKeys: [] }),
      cmm.decryptionMaterials({ ...request, encryptedDataKeys: [], reproducedEncryptionContext: {} }),
    ]) {
      expect(await rejection(asked)).toMatchObject({ code: 'COMMITMENT_POLICY_VIOLATED' });
    }
    expect(keyring.calls).toEqual({ encrypt: 0, decrypt: 0 });
  });

  it('says so where only the public key makes the context too long, and does not blame the keyring', async () => {
    const keyring = memoryKeyring();
    const encryptionContext = { a: 'x'.repeat(65_500) };
    await client.encrypt(plaintext, { keyring, suite: 0x0478, encryptionContext });
    expect(await rejection(client.encrypt(plaintext, { keyring, encryptionContext }))).toMatchObject({
      code: 'ENCRYPTION_CONTEXT_INVALID',
    });
  });
});
