import assert from 'node:assert/strict';
import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  DecryptCommand,
  DeleteCustomKeyStoreCommand,
  DescribeCustomKeyStoresCommand,
  DescribeKeyCommand,
  DisconnectCustomKeyStoreCommand,
  EncryptCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { createKey, type Probe, present, refuses, type Target } from '../probe.ts';

const Plaintext = new Uint8Array([1, 2, 3]);

async function connectionEnd(client: KMSClient, CustomKeyStoreId: string): Promise<string | undefined> {
  for (;;) {
    const { CustomKeyStores } = await client.send(new DescribeCustomKeyStoresCommand({ CustomKeyStoreId }));
    const state = CustomKeyStores?.[0]?.ConnectionState;
    if (state !== 'CONNECTING') return state;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function createKeyStore({ client, keyStore }: Target, name: string): Promise<string> {
  const { endpoint, path, credential } = await keyStore();
  const { CustomKeyStoreId } = await client.send(
    new CreateCustomKeyStoreCommand({
      CustomKeyStoreName: name,
      CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
      XksProxyConnectivity: 'PUBLIC_ENDPOINT',
      XksProxyUriEndpoint: endpoint,
      XksProxyUriPath: path.replace('/kms/', `/${name}/kms/`),
      XksProxyAuthenticationCredential: credential,
    }),
  );
  return present(CustomKeyStoreId);
}

export const keyStoreProbes: readonly Probe[] = [
  {
    title: 'a key in an external key store encrypts through its proxy, and is unavailable without',
    async run(target) {
      const { client } = target;
      const CustomKeyStoreId = await createKeyStore(target, 'journey');
      await client.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
      assert.equal(await connectionEnd(client, CustomKeyStoreId), 'CONNECTED');
      const external = { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId: 'external' } as const;
      const KeyId = await createKey(target, external);
      const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
      const decrypt = new DecryptCommand({ CiphertextBlob });
      assert.deepEqual((await client.send(decrypt)).Plaintext, Plaintext);
      await client.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
      await refuses('KMSInvalidStateException', client.send(decrypt));
      const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
      assert.equal(KeyMetadata?.KeyState, 'Unavailable');
      const del = new DeleteCustomKeyStoreCommand({ CustomKeyStoreId });
      await refuses('CustomKeyStoreHasCMKsException', client.send(del));
    },
  },
  {
    title: 'an external key store that is not connected takes no keys',
    async run(target) {
      const CustomKeyStoreId = await createKeyStore(target, 'disconnected');
      const external = { Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId: 'external' } as const;
      await refuses('CustomKeyStoreInvalidStateException', createKey(target, external));
      await target.client.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId }));
      const find = new DescribeCustomKeyStoresCommand({ CustomKeyStoreId });
      await refuses('CustomKeyStoreNotFoundException', target.client.send(find));
    },
  },
];
