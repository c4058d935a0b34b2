import { azureKeyVaultKeyring } from '@holdfast/keyrings/azure-key-vault';
import { gcpKmsKeyring } from '@holdfast/keyrings/gcp-kms';
import { vaultTransitKeyring } from '@holdfast/keyrings/vault-transit';
import type { Keyring } from '@holdfast/sdk';
import { startKeyVault } from '../../packages/keyrings/test/fixtures/azure-key-vault.ts';
import { KEY_RING, startGcpKms } from '../../packages/keyrings/test/fixtures/gcp-kms.ts';
import { startVault } from '../../packages/keyrings/test/fixtures/vault.ts';

interface RunningService {
  /** The service's, or in Azure the key's. */
  readonly address: string;
  readonly token: string;
  readonly close: () => Promise<void>;
}

interface HttpKind {
  start(): Promise<RunningService>;
  keyring(address: string, token: () => Promise<string>): Keyring;
}

/** The services over HTTP, by name. */
export const httpKinds: Readonly<Record<string, HttpKind>> = {
  'Vault transit': {
    async start() {
      const vault = await startVault();
      return { address: vault.url, token: vault.token, close: () => vault.close() };
    },
    keyring: (address, token) => vaultTransitKeyring({ address, keyName: 'orders', token }),
  },
  'Google Cloud KMS': {
    async start() {
      const kms = await startGcpKms();
      return { address: kms.url, token: kms.token, close: () => kms.close() };
    },
    keyring: (address, token) => gcpKmsKeyring({ address, keyName: `${KEY_RING}/orders`, token }),
  },
  'Azure Key Vault': {
    async start() {
      const vault = await startKeyVault();
      return { address: vault.newVersion('orders'), token: vault.token, close: () => vault.close() };
    },
    keyring: (keyId, token) => azureKeyVaultKeyring({ keyId, token }),
  },
};

/** A keyring for a service that runs. */
export function httpKeyring(kind: string, address: string, token: string): Keyring {
  const keyring = httpKinds[kind]?.keyring(address, async () => token);
  if (keyring === undefined) throw new Error(`no keyring for ${kind}`);
  return keyring;
}
