import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { awsKmsKeyring } from '../src/aws-kms.ts';
import { multiKeyring } from '../src/multi.ts';
import { pkcs11Keyring } from '../src/pkcs11.ts';
import { rawAesKeyring } from '../src/raw-aes.ts';
import { vaultTransitKeyring } from '../src/vault-transit.ts';
import { type RunningKms, startLocalKms } from './fixtures/local-kms.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, rootCauses } from './fixtures/materials.ts';
import { type PreparedToken, tokenKinds } from './fixtures/tokens.ts';
import { startVault, type VaultServer } from './fixtures/vault.ts';

const stores = ['aws', 'vault', 'hsm'] as const;

describe.skipIf(tokenKinds.SoftHSM.missing !== '')('a multi-keyring over AWS KMS, Vault and a token', () => {
  let kms: RunningKms;
  let keyArn: string;
  let vault: VaultServer;
  let prepared: PreparedToken;

  beforeAll(async () => {
    kms = await startLocalKms();
    keyArn = await kms.newKey();
    vault = await startVault();
    prepared = tokenKinds.SoftHSM.prepare();
  });

  afterAll(async () => {
    await kms.close();
    await vault.close();
    prepared.close();
  });

  describeExamples('packages/keyrings/docs/multi.md', () => ({
    ...kms.environment,
    ...prepared.environment,
    KEY_ARN: keyArn,
    VAULT_ADDR: vault.url,
    VAULT_TOKEN: vault.token,
    PKCS11_MODULE: prepared.temporary.modulePath,
    PKCS11_PIN: prepared.temporary.pin,
  }));

  /** The three keyrings, whose services can be taken away one by one. */
  async function startAll() {
    const ownKms = await startLocalKms();
    const ownVault = await startVault();
    const token = prepared.open();
    return {
      aws: awsKmsKeyring({ client: ownKms.client, keyIds: [await ownKms.newKey()] }),
      vault: vaultTransitKeyring({
        address: ownVault.url,
        keyName: 'orders',
        token: async () => ownVault.token,
      }),
      hsm: pkcs11Keyring({ namespace: 'my-hsm', name: 'orders', key: token.aesKey({ label: 'orders' }) }),
      stop: {
        aws: () => ownKms.close(),
        vault: () => ownVault.close(),
        hsm: async () => token.close(),
      },
    };
  }

  it.each(stores)('opens a message when only %s is up', async (survivor) => {
    const { stop, ...keyrings } = await startAll();
    const generator = rawAesKeyring({ namespace: 'a', name: 'b', wrappingKey: new Uint8Array(32).fill(1) });
    const everyone = multiKeyring({ generator, children: Object.values(keyrings) });
    const { dataKey, encryptedDataKeys } = await everyone.onEncrypt(encryptionMaterials());
    for (const name of stores) if (name !== survivor) await stop[name]();

    const keyring = multiKeyring({ children: Object.values(keyrings) });
    const opened = await keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys);
    expect(opened.dataKey).toEqual(dataKey);
    await stop[survivor]();
  });

  it('reports an outage, when none is up that could open the message', async () => {
    const { stop, ...keyrings } = await startAll();
    const everyone = multiKeyring({ generator: keyrings.vault, children: [keyrings.aws, keyrings.hsm] });
    const { encryptedDataKeys } = await everyone.onEncrypt(encryptionMaterials());
    for (const name of stores) await stop[name]();

    const stranger = rawAesKeyring({ namespace: 'a', name: 'b', wrappingKey: new Uint8Array(32).fill(2) });
    const keyring = multiKeyring({ generator: stranger, children: Object.values(keyrings) });
    const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'AWS KMS' });
    expect(rootCauses(error)).toHaveLength(3);
    const encrypting = await keyringError(everyone.onEncrypt(encryptionMaterials()));
    expect(encrypting).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'Vault transit' });
  });
});
