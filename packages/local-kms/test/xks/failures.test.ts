import { CreateKeyCommand, EncryptCommand, UpdateCustomKeyStoreCommand } from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import {
  connect,
  createKeyStore,
  refusal,
  startKmsWithExternalKey,
  startKmsWithProxy,
} from '../fixtures/kms.ts';
import { type Fault, healthAnswer } from '../fixtures/proxy.ts';

// Written from the XKS API ("Error codes: KMS considerations") and the KMS API, not from the table under test:
// UpdateCustomKeyStore, CreateKey, Encrypt, ConnectionErrorCode.
const invalidResponse = 'XksProxyInvalidResponseException';
const unreachable = 'XksProxyUriUnreachableException';
const storeState = 'CustomKeyStoreInvalidStateException';
const keyState = 'KMSInvalidStateException';
const keyConfiguration = 'XksKeyInvalidConfigurationException';

const named = (status: number, errorName: string): Fault => ({ status, body: { errorName } });
const rows: readonly (readonly [
  title: string,
  fault: Fault,
  ...expected: [string, string, string, string],
])[] = [
  [
    'ValidationException',
    named(400, 'ValidationException'),
    invalidResponse,
    storeState,
    keyState,
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'InvalidStateException',
    named(400, 'InvalidStateException'),
    invalidResponse,
    keyConfiguration,
    keyState,
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'InvalidCiphertextException',
    named(400, 'InvalidCiphertextException'),
    invalidResponse,
    storeState,
    keyState,
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'InvalidKeyUsageException',
    named(400, 'InvalidKeyUsageException'),
    invalidResponse,
    keyConfiguration,
    keyState,
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'AuthenticationFailedException',
    named(401, 'AuthenticationFailedException'),
    'XksProxyIncorrectAuthenticationCredentialException',
    storeState,
    keyState,
    'INVALID_CREDENTIALS',
  ],
  [
    'AccessDeniedException',
    named(403, 'AccessDeniedException'),
    invalidResponse,
    keyState,
    keyState,
    'XKS_PROXY_ACCESS_DENIED',
  ],
  [
    'KeyNotFoundException',
    named(404, 'KeyNotFoundException'),
    invalidResponse,
    'XksKeyNotFoundException',
    keyState,
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'InvalidUriPathException',
    named(404, 'InvalidUriPathException'),
    'XksProxyInvalidConfigurationException',
    storeState,
    keyState,
    'XKS_PROXY_INVALID_CONFIGURATION',
  ],
  [
    'UnsupportedOperationException',
    named(501, 'UnsupportedOperationException'),
    invalidResponse,
    keyConfiguration,
    keyState,
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'DependencyTimeoutException',
    named(503, 'DependencyTimeoutException'),
    unreachable,
    storeState,
    keyState,
    'XKS_PROXY_TIMED_OUT',
  ],
  [
    'ThrottlingException',
    named(429, 'ThrottlingException'),
    unreachable,
    storeState,
    keyState,
    'XKS_PROXY_NOT_REACHABLE',
  ],
  [
    'InternalException',
    named(500, 'InternalException'),
    invalidResponse,
    storeState,
    keyState,
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'an error that the XKS API does not have',
    named(400, 'TeapotException'),
    invalidResponse,
    storeState,
    keyState,
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'an error without JSON',
    { status: 502, body: '<html>Bad Gateway</html>' },
    invalidResponse,
    storeState,
    keyState,
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'an error under status 200',
    named(200, 'KeyNotFoundException'),
    invalidResponse,
    storeState,
    keyState,
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'a redirect',
    { status: 302, body: {} },
    invalidResponse,
    storeState,
    keyState,
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'an answer without members',
    { status: 200, body: {} },
    invalidResponse,
    storeState,
    keyState,
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'an answer that is too long',
    { status: 200, body: 'x'.repeat(70_000) },
    invalidResponse,
    storeState,
    keyState,
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  ['a connection that is cut', 'reset', unreachable, storeState, keyState, 'XKS_PROXY_NOT_REACHABLE'],
];

describe('a failure of the proxy', () => {
  test.each(rows)(
    '%s becomes the exception of each situation',
    async (_title, fault, update, create, encrypt, connection) => {
      const kms = await startKmsWithExternalKey();
      const { client, proxy, CustomKeyStoreId, KeyId } = kms;
      proxy.fault = () => fault;
      const changed = new UpdateCustomKeyStoreCommand({
        CustomKeyStoreId,
        XksProxyUriPath: '/other/kms/xks/v1',
      });
      const created = new CreateKeyCommand({
        Origin: 'EXTERNAL_KEY_STORE',
        CustomKeyStoreId,
        XksKeyId: 'external-2',
      });
      const encrypted = new EncryptCommand({ KeyId, Plaintext: new Uint8Array(1) });
      expect(await refusal(client.send(changed))).toBe(update);
      expect(await refusal(client.send(created))).toBe(create);
      expect(await refusal(client.send(encrypted))).toBe(encrypt);

      const fresh = await startKmsWithProxy();
      const id = await createKeyStore(fresh, fresh.proxy);
      fresh.proxy.fault = () => fault;
      expect(await connect(fresh, id)).toMatchObject({
        ConnectionState: 'FAILED',
        ConnectionErrorCode: connection,
      });
    },
  );

  test('a store whose key managers are all unavailable cannot be reached', async () => {
    const kms = await startKmsWithProxy();
    const id = await createKeyStore(kms, kms.proxy);
    kms.proxy.fault = () => ({ status: 200, body: healthAnswer('UNAVAILABLE') });
    const changed = new UpdateCustomKeyStoreCommand({
      CustomKeyStoreId: id,
      XksProxyUriPath: '/other/kms/xks/v1',
    });
    expect(await refusal(kms.client.send(changed))).toBe(unreachable);
    expect(await connect(kms, id)).toMatchObject({ ConnectionErrorCode: 'XKS_PROXY_NOT_REACHABLE' });
  });

  test('a degraded key manager still serves', async () => {
    const kms = await startKmsWithProxy();
    const id = await createKeyStore(kms, kms.proxy);
    kms.proxy.fault = () => ({ status: 200, body: healthAnswer('DEGRADED') });
    expect(await connect(kms, id)).toMatchObject({ ConnectionState: 'CONNECTED' });
  });

  test.each([
    { keySpec: 'RSA_2048', keyUsage: ['ENCRYPT', 'DECRYPT'], keyStatus: 'ENABLED' },
    { keySpec: 'AES_256', keyUsage: ['ENCRYPT'], keyStatus: 'ENABLED' },
    { keySpec: 'AES_256', keyUsage: ['ENCRYPT', 'DECRYPT'], keyStatus: 'DISABLED' },
  ])('an external key of %j cannot become a KMS key', async (body) => {
    const { client, proxy, CustomKeyStoreId } = await startKmsWithExternalKey();
    proxy.fault = () => ({ status: 200, body });
    const created = new CreateKeyCommand({
      Origin: 'EXTERNAL_KEY_STORE',
      CustomKeyStoreId,
      XksKeyId: 'external-2',
    });
    expect(await refusal(client.send(created))).toBe(keyConfiguration);
  });
});
