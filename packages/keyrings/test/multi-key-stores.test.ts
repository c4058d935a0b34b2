import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { awsKmsKeyring } from '../src/aws-kms.ts';
import { multiKeyring } from '../src/multi.ts';
import { rawAesKeyring } from '../src/raw-aes.ts';
import { vaultTransitKeyring } from '../src/vault-transit.ts';
import { type RunningKms, startLocalKms } from './fixtures/local-kms.ts';
import { startVault, type VaultServer } from './fixtures/vault.ts';
import { decryptionMaterials, encryptionMaterials, keyringError, rootCauses } from './materials.ts';

let kms: RunningKms;
let vault: VaultServer;
let keyArn: string;

beforeAll(async () => {
  kms = await startLocalKms();
  vault = await startVault();
  keyArn = await kms.newKey();
});

afterAll(async () => {
  await kms.close();
  await vault.close();
});

describeExamples('packages/keyrings/docs/multi.md', () => ({
  ...kms.environment,
  KEY_ARN: keyArn,
  VAULT_ADDR: vault.url,
  VAULT_TOKEN: vault.token,
}));

describe('a multi-keyring over several key stores', () => {
  it('opens with the one that is up, and reports an outage when that one is not its own', async () => {
    const [ownKms, ownVault] = [await startLocalKms(), await startVault()];
    const aws = awsKmsKeyring({ client: ownKms.client, keyIds: [await ownKms.newKey()] });
    const token = async () => ownVault.token;
    const transit = vaultTransitKeyring({ address: ownVault.url, keyName: 'orders', token });
    const office = rawAesKeyring({ namespace: 'office', name: '1', wrappingKey: new Uint8Array(32).fill(1) });
    const stranger = rawAesKeyring({
      namespace: 'office',
      name: '2',
      wrappingKey: new Uint8Array(32).fill(2),
    });
    const keyring = multiKeyring({ generator: transit, children: [aws, office] });
    const { dataKey, encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
    const open = () => keyring.onDecrypt(decryptionMaterials(), encryptedDataKeys);

    await ownVault.close();
    expect((await open()).dataKey).toEqual(dataKey);
    await ownKms.close();
    expect((await open()).dataKey).toEqual(dataKey);

    const without = multiKeyring({ children: [stranger, aws, transit] });
    const error = await keyringError(without.onDecrypt(decryptionMaterials(), encryptedDataKeys));
    expect(error).toMatchObject({ code: 'KEY_SERVICE_UNAVAILABLE', keyService: 'AWS KMS' });
    expect(rootCauses(error)).toHaveLength(2);
    expect(await keyringError(keyring.onEncrypt(encryptionMaterials()))).toMatchObject({
      code: 'KEY_SERVICE_UNAVAILABLE',
      keyService: 'Vault transit',
    });
  });
});
