import { setTimeout as delay } from 'node:timers/promises';
import type { KMS } from '@aws-sdk/client-kms';
import type { ProxyCredential } from '@holdfast/testbed/proxy-files';

/**
 * Creates an external key store behind a proxy and connects it; resolves to its id. These are the calls that connect
 * the same proxy to an AWS account.
 *
 * @throws Error if it does not connect; the AWS SDK's own error for a call that is refused
 */
export async function connectKeyStore(
  kms: KMS,
  { name, proxyHost, credential }: { name: string; proxyHost: string; credential: ProxyCredential },
): Promise<string> {
  const { CustomKeyStoreId: id = '' } = await kms.createCustomKeyStore({
    CustomKeyStoreName: name,
    CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
    XksProxyConnectivity: 'PUBLIC_ENDPOINT',
    XksProxyUriEndpoint: `https://${proxyHost}`,
    XksProxyUriPath: `/${name}/kms/xks/v1`,
    XksProxyAuthenticationCredential: {
      AccessKeyId: credential.accessKeyId,
      RawSecretAccessKey: credential.secretAccessKey,
    },
  });
  await kms.connectCustomKeyStore({ CustomKeyStoreId: id });
  for (;;) {
    const { CustomKeyStores: [store] = [] } = await kms.describeCustomKeyStores({ CustomKeyStoreId: id });
    if (store?.ConnectionState === 'CONNECTED') return id;
    if (store?.ConnectionState !== 'CONNECTING') {
      throw new Error(`the key store did not connect: ${store?.ConnectionErrorCode ?? 'no reason given'}`);
    }
    await delay(POLL_INTERVAL_MS);
  }
}

/** Creates a KMS key for a key behind the proxy, with an alias of the same name; resolves to its ARN. */
export async function createKey(
  kms: KMS,
  { keyStoreId, externalKeyId }: { keyStoreId: string; externalKeyId: string },
): Promise<string> {
  const { KeyMetadata: metadata } = await kms.createKey({
    Origin: 'EXTERNAL_KEY_STORE',
    CustomKeyStoreId: keyStoreId,
    XksKeyId: externalKeyId,
  });
  if (metadata?.Arn === undefined) throw new Error('AWS KMS made a key without an ARN');
  await kms.createAlias({ AliasName: `alias/${externalKeyId}`, TargetKeyId: metadata.Arn });
  return metadata.Arn;
}

const POLL_INTERVAL_MS = 20;
