import { createServer, type Socket } from 'node:net';
import {
  CreateCustomKeyStoreCommand,
  CreateKeyCommand,
  DisconnectCustomKeyStoreCommand,
  EncryptCommand,
  UpdateCustomKeyStoreCommand,
} from '@aws-sdk/client-kms';
import { createLocalKms } from '@holdfast/local-kms';
import { createCertificateAuthority } from '@holdfast/testbed/certificates';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connect, keyStoreInput, refusal, startKms, startKmsWithExternalKey } from '../fixtures/kms.ts';
import { startTestProxy, type TestProxy } from '../fixtures/proxy.ts';

/** A TCP server that ends with the test; returns its address. */
async function listen(port: number, answer: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    answer(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new TypeError('a TCP server has a port');
  return `127.0.0.1:${bound.port}`;
}

async function silence(proxy: TestProxy): Promise<void> {
  proxy.fault = () => 'hang';
}

async function replaceByPlainServer(proxy: TestProxy): Promise<void> {
  await proxy.close();
  const port = Number(proxy.address.split(':')[1]);
  await listen(port, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
}

describe('the way to a proxy', () => {
  test.each<[string, (proxy: TestProxy) => Promise<void>, string]>([
    ['to a proxy that says nothing', silence, 'XKS_PROXY_TIMED_OUT'],
    ['to a port where nobody listens', (proxy) => proxy.close(), 'XKS_PROXY_NOT_REACHABLE'],
    ['to a server without TLS', replaceByPlainServer, 'XKS_PROXY_INVALID_TLS_CONFIGURATION'],
  ])('%s ends in the exception of each situation', async (_title, breakProxy, connection) => {
    const kms = await startKmsWithExternalKey({ xksTimeoutMs: 2000 });
    const { client, proxy, CustomKeyStoreId, KeyId } = kms;
    await breakProxy(proxy);
    const update = new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, XksProxyUriPath: '/b/kms/xks/v1' });
    const create = new CreateKeyCommand({ Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId: 'b' });
    const encrypt = new EncryptCommand({ KeyId, Plaintext: new Uint8Array(1) });
    expect(await refusal(client.send(update))).toBe('XksProxyUriUnreachableException');
    expect(await refusal(client.send(create))).toBe('CustomKeyStoreInvalidStateException');
    expect(await refusal(client.send(encrypt))).toBe('KMSInvalidStateException');
    await client.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
    expect(await connect(kms, CustomKeyStoreId)).toMatchObject({
      ConnectionState: 'FAILED',
      ConnectionErrorCode: connection,
    });
  });

  test('has a time limit of 250 ms unless told otherwise', async () => {
    const address = await listen(0, () => undefined);
    const proxy = await startTestProxy();
    onTestFinished(() => proxy.close());
    const { client } = await startKms({ xksHosts: { [proxy.host]: address } });
    const started = performance.now();
    const create = new CreateCustomKeyStoreCommand(keyStoreInput(proxy));
    expect(await refusal(client.send(create))).toBe('XksProxyUriUnreachableException');
    const elapsedMs = performance.now() - started;
    expect(elapsedMs).toBeGreaterThan(240);
    expect(elapsedMs).toBeLessThan(5000);
  });

  test.each(['https://....', 'https://-a.', 'https://127.0.0.1', 'https://host.invalid'])(
    'leads nowhere from the endpoint %s',
    async (XksProxyUriEndpoint) => {
      const proxy = await startTestProxy();
      onTestFinished(() => proxy.close());
      const { client } = await startKms();
      const create = new CreateCustomKeyStoreCommand({ ...keyStoreInput(proxy), XksProxyUriEndpoint });
      expect(await refusal(client.send(create))).toBe('XksProxyUriUnreachableException');
    },
  );

  test.each([
    ['of an unknown authority', 'proxy.example', false],
    ['of another host', 'other.example', true],
  ])('ends at a certificate %s', async (_title, name, trusted) => {
    const proxy = await startTestProxy(name);
    onTestFinished(() => proxy.close());
    const kms = await startKms({
      xksHosts: { 'proxy.example': proxy.address },
      xksCertificateAuthorities: trusted
        ? proxy.certificate
        : (await createCertificateAuthority()).certificatePem,
      xksTimeoutMs: 10_000,
    });
    const input = { ...keyStoreInput(proxy), XksProxyUriEndpoint: 'https://proxy.example' };
    const create = new CreateCustomKeyStoreCommand(input);
    expect(await refusal(kms.client.send(create))).toBe('XksProxyUriUnreachableException');
    expect(proxy.requests).toEqual([]);
  });

  test('is found again when the proxy closed a connection that was kept open', async () => {
    const { client, KeyId, proxy } = await startKmsWithExternalKey();
    let resets = 0;
    proxy.fault = () => {
      resets += 1;
      return resets === 1 ? 'reset' : undefined;
    };
    const encrypt = new EncryptCommand({ KeyId, Plaintext: new Uint8Array(1) });
    expect(await refusal(client.send(encrypt))).toBe('no exception');
    expect(proxy.connections()).toBe(2);
  });

  test.each(['127.0.0.1', ':443', '127.0.0.1:https', '127.0.0.1:99999', 'a b:443'])(
    'is not described by %j',
    (address) => {
      expect(() => createLocalKms({ xksHosts: { 'proxy.example': address } })).toThrow(RangeError);
    },
  );
});
