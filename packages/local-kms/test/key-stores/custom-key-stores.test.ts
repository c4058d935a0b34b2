import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  CreateKeyCommand,
  DeleteCustomKeyStoreCommand,
  DescribeCustomKeyStoresCommand,
  DisconnectCustomKeyStoreCommand,
  EncryptCommand,
  UpdateCustomKeyStoreCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import {
  CREDENTIAL,
  connect,
  connectionEnd,
  createKeyStore,
  keyStoreInput,
  present,
  refusal,
  startKms,
  startKmsWithExternalKey,
  startKmsWithProxy,
} from '../fixtures/kms.ts';

const aDate: unknown = expect.any(Date);
const invalidState = 'CustomKeyStoreInvalidStateException';

const VPC_SERVICE = 'com.amazonaws.vpce.eu-north-1.vpce-svc-0e123abc123198abc';

describe('CreateCustomKeyStore', () => {
  test('adds a disconnected store whose secret no answer tells', async () => {
    const kms = await startKmsWithProxy();
    const CustomKeyStoreId = await createKeyStore(kms, kms.proxy);
    const answer = await kms.client.send(new DescribeCustomKeyStoresCommand());
    expect(answer.CustomKeyStores).toEqual([
      {
        CustomKeyStoreId,
        CustomKeyStoreName: 'tests',
        CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
        ConnectionState: 'DISCONNECTED',
        CreationDate: aDate,
        XksProxyConfiguration: {
          Connectivity: 'PUBLIC_ENDPOINT',
          AccessKeyId: CREDENTIAL.AccessKeyId,
          UriEndpoint: 'https://proxy.example',
          UriPath: '/tests/kms/xks/v1',
        },
      },
    ]);
    expect(CustomKeyStoreId).toMatch(/^cks-[0-9a-f]{17}$/);
  });

  test.each([
    ['ValidationException', { XksProxyUriEndpoint: 'https://proxy.example:8443' }],
    ['ValidationException', { XksProxyUriEndpoint: 'http://proxy.example' }],
    ['ValidationException', { XksProxyUriEndpoint: 'https://proxy.example/' }],
    ['ValidationException', { XksProxyUriEndpoint: undefined }],
    ['ValidationException', { XksProxyUriPath: '/tests' }],
    ['ValidationException', { XksProxyUriPath: '/tests/kms/xks/v1/' }],
    ['ValidationException', { XksProxyUriPath: 'tests/kms/xks/v1' }],
    ['ValidationException', { XksProxyUriPath: '/a b/kms/xks/v1' }],
    ['ValidationException', { XksProxyUriPath: undefined }],
    ['ValidationException', { XksProxyConnectivity: undefined }],
    ['ValidationException', { XksProxyAuthenticationCredential: undefined }],
    [
      'ValidationException',
      { XksProxyAuthenticationCredential: { ...CREDENTIAL, AccessKeyId: 'ABCDEFGHIJKLMNOPQRS' } },
    ],
    [
      'ValidationException',
      { XksProxyAuthenticationCredential: { ...CREDENTIAL, AccessKeyId: 'abcdefghijklmnopqrst' } },
    ],
    [
      'ValidationException',
      { XksProxyAuthenticationCredential: { ...CREDENTIAL, RawSecretAccessKey: 'x'.repeat(42) } },
    ],
    [
      'ValidationException',
      { XksProxyAuthenticationCredential: { ...CREDENTIAL, RawSecretAccessKey: '_'.repeat(43) } },
    ],
    ['XksProxyInvalidConfigurationException', { XksProxyUriPath: '/tests/kms/xks/v2' }],
    [
      'XksProxyVpcEndpointServiceNotFoundException',
      { XksProxyConnectivity: 'VPC_ENDPOINT_SERVICE' as const },
    ],
    ['XksProxyVpcEndpointServiceNotFoundException', { XksProxyVpcEndpointServiceName: VPC_SERVICE }],
    ['XksProxyVpcEndpointServiceNotFoundException', { XksProxyVpcEndpointServiceOwner: '111122223333' }],
    ['ValidationException', { CloudHsmClusterId: 'cluster-1a23b4cdefg' }],
    ['ValidationException', { TrustAnchorCertificate: 'certificate' }],
    ['ValidationException', { KeyStorePassword: 'password' }],
    ['CloudHsmClusterNotFoundException', { CustomKeyStoreType: 'AWS_CLOUDHSM' as const }],
    ['CloudHsmClusterNotFoundException', { CustomKeyStoreType: undefined }],
  ])('refuses with %s: %j', async (name, change) => {
    const { client, proxy } = await startKmsWithProxy();
    const create = new CreateCustomKeyStoreCommand({ ...keyStoreInput(proxy), ...change });
    expect(await refusal(client.send(create))).toBe(name);
    expect(proxy.requests).toEqual([]);
  });

  test('takes a name once, and a host with a path once', async () => {
    const kms = await startKmsWithProxy();
    const { client, proxy } = kms;
    await createKeyStore(kms, proxy);
    const create = (change: object) =>
      refusal(client.send(new CreateCustomKeyStoreCommand({ ...keyStoreInput(proxy), ...change })));
    expect(await create({ XksProxyUriPath: '/b/kms/xks/v1' })).toBe('CustomKeyStoreNameInUseException');
    expect(await create({ CustomKeyStoreName: 'b' })).toBe('XksProxyUriInUseException');
    const upperCase = { CustomKeyStoreName: 'b', XksProxyUriEndpoint: 'https://PROXY.example' };
    expect(await create(upperCase)).toBe('XksProxyUriInUseException');
    expect(await create({ ...upperCase, XksProxyUriPath: '/kms/xks/v1' })).toBe('no exception');
  });

  test('takes a name once even if two requests race for it', async () => {
    const { client, proxy } = await startKmsWithProxy();
    const create = new CreateCustomKeyStoreCommand(keyStoreInput(proxy));
    const results = await Promise.all([refusal(client.send(create)), refusal(client.send(create))]);
    expect(results.sort()).toEqual(['CustomKeyStoreNameInUseException', 'no exception']);
  });

  test('makes ten stores and no more', async () => {
    const { client, proxy } = await startKmsWithProxy();
    const results: string[] = [];
    for (let i = 0; i < 11; i += 1) {
      const input = { CustomKeyStoreName: `${i}`, XksProxyUriPath: `/${i}/kms/xks/v1` };
      results.push(
        await refusal(client.send(new CreateCustomKeyStoreCommand({ ...keyStoreInput(proxy), ...input }))),
      );
    }
    expect(results).toEqual([...Array<string>(10).fill('no exception'), 'LimitExceededException']);
  });
});

describe('ConnectCustomKeyStore', () => {
  test('returns at once and connects in the background', async () => {
    const kms = await startKmsWithProxy();
    const CustomKeyStoreId = await createKeyStore(kms, kms.proxy);
    const { promise: permission, resolve: permit } = deferred();
    const { client, proxy } = kms;
    proxy.before = () => permission;
    await client.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
    const { CustomKeyStores } = await client.send(new DescribeCustomKeyStoresCommand({ CustomKeyStoreId }));
    expect(CustomKeyStores).toMatchObject([{ ConnectionState: 'CONNECTING' }]);
    const update = new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, NewCustomKeyStoreName: 'new' });
    expect(await refusal(client.send(update))).toBe(invalidState);
    permit();
    expect(await connectionEnd(kms, CustomKeyStoreId)).toMatchObject({ ConnectionState: 'CONNECTED' });
    expect(kms.records.filter(({ event }) => event === 'connection')).toMatchObject([
      {
        customKeyStoreId: CustomKeyStoreId,
        state: 'CONNECTED',
        xksCalls: [{ operation: 'GetHealthStatus' }],
      },
    ]);
  });

  test('does not bring back a store that was disconnected in the meantime', async () => {
    const kms = await startKmsWithProxy();
    const CustomKeyStoreId = await createKeyStore(kms, kms.proxy);
    const otherInput = { CustomKeyStoreName: 'other', XksProxyUriPath: '/other/kms/xks/v1' };
    const create = new CreateCustomKeyStoreCommand({ ...keyStoreInput(kms.proxy), ...otherInput });
    const other = present((await kms.client.send(create)).CustomKeyStoreId);
    const { promise: permission, resolve: permit } = deferred();
    kms.proxy.before = () => permission;
    await kms.client.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
    await expect.poll(() => kms.proxy.requests).toHaveLength(3);
    await kms.client.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
    permit();
    // Its answer comes after the one that is late.
    await connect(kms, other);
    expect(await connectionEnd(kms, CustomKeyStoreId)).toMatchObject({ ConnectionState: 'DISCONNECTED' });
    expect(kms.records.filter(({ event }) => event === 'connection')).toMatchObject([
      { customKeyStoreId: other },
    ]);
  });

  test('leaves a connected store as it is and refuses a failed one', async () => {
    const kms = await startKmsWithProxy();
    const CustomKeyStoreId = await createKeyStore(kms, kms.proxy);
    expect(await connect(kms, CustomKeyStoreId)).toMatchObject({ ConnectionState: 'CONNECTED' });
    expect(await connect(kms, CustomKeyStoreId)).toMatchObject({ ConnectionState: 'CONNECTED' });
    expect(kms.proxy.requests).toHaveLength(2);

    await kms.client.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
    kms.proxy.fault = () => ({ status: 401, body: { errorName: 'AuthenticationFailedException' } });
    expect(await connect(kms, CustomKeyStoreId)).toMatchObject({
      ConnectionState: 'FAILED',
      ConnectionErrorCode: 'INVALID_CREDENTIALS',
    });
    const again = new ConnectCustomKeyStoreCommand({ CustomKeyStoreId });
    expect(await refusal(kms.client.send(again))).toBe(invalidState);
    await kms.client.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
    kms.proxy.fault = () => undefined;
    expect(await connect(kms, CustomKeyStoreId)).toMatchObject({ ConnectionState: 'CONNECTED' });
  });
});

describe('UpdateCustomKeyStore', () => {
  test('signs with a new credential from the next call on', async () => {
    const { client, proxy, CustomKeyStoreId, KeyId } = await startKmsWithExternalKey();
    const credential = { AccessKeyId: '7'.repeat(20), RawSecretAccessKey: 'y'.repeat(64) };
    await client.send(
      new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, XksProxyAuthenticationCredential: credential }),
    );
    await client.send(new EncryptCommand({ KeyId, Plaintext: new Uint8Array(1) }));
    const [health, encrypt] = proxy.requests.slice(-2);
    expect(health?.body.requestMetadata.kmsOperation).toBe('UpdateCustomKeyStore');
    expect(health?.authorization).toContain(`Credential=${'7'.repeat(20)}/`);
    expect(encrypt?.authorization).toContain(`Credential=${'7'.repeat(20)}/`);
  });

  test('changes name, path and credential of a connected store, the endpoint of a disconnected one', async () => {
    const { client, CustomKeyStoreId } = await startKmsWithExternalKey();
    const update = (change: object) =>
      refusal(client.send(new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, ...change })));
    const endpoint = { XksProxyUriEndpoint: 'https://PROXY.example' };
    expect(await update({ NewCustomKeyStoreName: 'new' })).toBe('no exception');
    expect(await update({ XksProxyUriPath: '/new/kms/xks/v1' })).toBe('no exception');
    expect(await update({ XksProxyAuthenticationCredential: CREDENTIAL })).toBe('no exception');
    expect(await update(endpoint)).toBe(invalidState);
    expect(await update({ XksProxyConnectivity: 'PUBLIC_ENDPOINT' })).toBe(invalidState);
    await client.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
    expect(await update(endpoint)).toBe('no exception');
    const { CustomKeyStores } = await client.send(
      new DescribeCustomKeyStoresCommand({ CustomKeyStoreName: 'new' }),
    );
    expect(CustomKeyStores).toMatchObject([
      { XksProxyConfiguration: { UriEndpoint: 'https://PROXY.example', UriPath: '/new/kms/xks/v1' } },
    ]);
  });

  test('changes nothing of a store that is connected while its new endpoint is asked', async () => {
    const kms = await startKmsWithProxy();
    const { client, proxy } = kms;
    const CustomKeyStoreId = await createKeyStore(kms, proxy);
    proxy.before = async () => {
      proxy.before = async () => undefined;
      await connect(kms, CustomKeyStoreId);
    };
    const endpoint = { XksProxyUriEndpoint: 'https://PROXY.example' };
    const update = new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, ...endpoint });
    expect(await refusal(client.send(update))).toBe(invalidState);
    const { CustomKeyStores } = await client.send(new DescribeCustomKeyStoresCommand({ CustomKeyStoreId }));
    expect(CustomKeyStores).toMatchObject([
      { ConnectionState: 'CONNECTED', XksProxyConfiguration: { UriEndpoint: 'https://proxy.example' } },
    ]);
  });

  test('asks the proxy about anything but a name', async () => {
    const { client, proxy, CustomKeyStoreId } = await startKmsWithExternalKey();
    const calls = proxy.requests.length;
    const rename = new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, NewCustomKeyStoreName: 'new' });
    await client.send(rename);
    expect(proxy.requests).toHaveLength(calls);
    proxy.fault = () => ({ status: 404, body: { errorName: 'InvalidUriPathException' } });
    const move = new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, XksProxyUriPath: '/new/kms/xks/v1' });
    expect(await refusal(client.send(move))).toBe('XksProxyInvalidConfigurationException');
    const { CustomKeyStores } = await client.send(new DescribeCustomKeyStoresCommand({ CustomKeyStoreId }));
    expect(CustomKeyStores).toMatchObject([{ XksProxyConfiguration: { UriPath: '/tests/kms/xks/v1' } }]);
  });

  test.each([
    ['ValidationException', {}],
    ['CustomKeyStoreNotFoundException', { CustomKeyStoreId: 'cks-0', NewCustomKeyStoreName: 'a' }],
    ['CustomKeyStoreNameInUseException', { NewCustomKeyStoreName: 'other' }],
    ['XksProxyUriInUseException', { XksProxyUriPath: '/other/kms/xks/v1' }],
    [
      'XksProxyVpcEndpointServiceNotFoundException',
      { XksProxyConnectivity: 'VPC_ENDPOINT_SERVICE' as const },
    ],
    [
      'XksProxyVpcEndpointServiceNotFoundException',
      { NewCustomKeyStoreName: 'new', XksProxyVpcEndpointServiceName: VPC_SERVICE },
    ],
    [
      'XksProxyVpcEndpointServiceNotFoundException',
      { NewCustomKeyStoreName: 'new', XksProxyVpcEndpointServiceOwner: '111122223333' },
    ],
    ['UnsupportedOperationException', { KeyStorePassword: 'password' }],
    ['no exception', { NewCustomKeyStoreName: 'tests', XksProxyUriPath: '/tests/kms/xks/v1' }],
  ])('answers with %s: %j', async (name, change) => {
    const kms = await startKmsWithProxy();
    const CustomKeyStoreId = await createKeyStore(kms, kms.proxy);
    const other = { CustomKeyStoreName: 'other', XksProxyUriPath: '/other/kms/xks/v1' };
    await kms.client.send(new CreateCustomKeyStoreCommand({ ...keyStoreInput(kms.proxy), ...other }));
    const update = new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, ...change });
    expect(await refusal(kms.client.send(update))).toBe(name);
    const renamed = new DescribeCustomKeyStoresCommand({ CustomKeyStoreName: 'new' });
    expect(await refusal(kms.client.send(renamed))).toBe('CustomKeyStoreNotFoundException');
  });
});

describe('DeleteCustomKeyStore', () => {
  test('refuses a store that is connected or holds keys', async () => {
    const kms = await startKmsWithProxy();
    const { client } = kms;
    const CustomKeyStoreId = await createKeyStore(kms, kms.proxy);
    const remove = () => refusal(client.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId })));
    await connect(kms, CustomKeyStoreId);
    expect(await remove()).toBe(invalidState);
    await client.send(
      new CreateKeyCommand({ Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId: 'a' }),
    );
    expect(await remove()).toBe('CustomKeyStoreHasCMKsException');
  });

  test('forgets a disconnected store and frees its name', async () => {
    const kms = await startKmsWithProxy();
    const CustomKeyStoreId = await createKeyStore(kms, kms.proxy);
    await kms.client.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId }));
    const describeStore = new DescribeCustomKeyStoresCommand({ CustomKeyStoreId });
    expect(await refusal(kms.client.send(describeStore))).toBe('CustomKeyStoreNotFoundException');
    expect(await createKeyStore(kms, kms.proxy)).not.toBe(CustomKeyStoreId);
  });
});

describe('a custom key store that does not exist', () => {
  const CustomKeyStoreId = 'cks-0';

  test.each([
    ['ConnectCustomKeyStore', new ConnectCustomKeyStoreCommand({ CustomKeyStoreId })],
    ['DisconnectCustomKeyStore', new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId })],
    ['DeleteCustomKeyStore', new DeleteCustomKeyStoreCommand({ CustomKeyStoreId })],
  ])('is not found by %s', async (_title, command: ConnectCustomKeyStoreCommand) => {
    const { client } = await startKms();
    expect(await refusal(client.send(command))).toBe('CustomKeyStoreNotFoundException');
  });
});

describe('DescribeCustomKeyStores', () => {
  test('describes one by id or by name, or all page by page', async () => {
    const kms = await startKmsWithProxy();
    const { client, proxy } = kms;
    const CustomKeyStoreId = await createKeyStore(kms, proxy);
    const other = { CustomKeyStoreName: 'other', XksProxyUriPath: '/other/kms/xks/v1' };
    await client.send(new CreateCustomKeyStoreCommand({ ...keyStoreInput(proxy), ...other }));
    const list = (input: object) => client.send(new DescribeCustomKeyStoresCommand(input));
    const named = await list({ CustomKeyStoreName: 'tests' });
    expect(named.CustomKeyStores).toMatchObject([{ CustomKeyStoreId }]);
    const first = await list({ Limit: 1 });
    const second = await list({ Limit: 1, Marker: present(first.NextMarker) });
    expect(second.Truncated).toBe(false);
    const names = [first, second].map(({ CustomKeyStores }) => CustomKeyStores?.[0]?.CustomKeyStoreName);
    expect(names.sort()).toEqual(['other', 'tests']);
    expect(await refusal(list({ CustomKeyStoreId, CustomKeyStoreName: 'tests' }))).toBe(
      'ValidationException',
    );
    expect(await refusal(list({ CustomKeyStoreName: 'none' }))).toBe('CustomKeyStoreNotFoundException');
  });
});

describe('DisconnectCustomKeyStore', () => {
  test('refuses a store that is not connected', async () => {
    const kms = await startKmsWithProxy();
    const CustomKeyStoreId = await createKeyStore(kms, kms.proxy);
    const disconnect = new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId });
    expect(await refusal(kms.client.send(disconnect))).toBe(invalidState);
  });
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
