import { createServer, type Server, type Socket } from 'node:net';
import { CreateCustomKeyStoreCommand, EncryptCommand } from '@aws-sdk/client-kms';
import { createLocalKms } from '@holdfast/local-kms';
import { describe, expect, onTestFinished, test } from 'vitest';
import { serverCertificate } from '../fixtures/certificates.ts';
import {
  connect,
  createKeyStore,
  keyStoreInput,
  refusal,
  startKms,
  startKmsWithExternalKey,
  startKmsWithProxy,
} from '../fixtures/kms.ts';
import { startTestProxy } from '../fixtures/proxy.ts';

async function listen(answer: (socket: Socket) => void): Promise<{ server: Server; address: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    answer(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new TypeError('a TCP server has a port');
  return { server, address: `127.0.0.1:${bound.port}` };
}

describe('the way to a proxy', () => {
  test('ends after the time limit, for the caller and for the connection attempt', async () => {
    const kms = await startKmsWithExternalKey({ xksTimeoutMs: 1000 });
    kms.proxy.fault = () => 'hang';
    const started = performance.now();
    const encrypt = new EncryptCommand({ KeyId: kms.KeyId, Plaintext: new Uint8Array(1) });
    expect(await refusal(kms.client.send(encrypt))).toBe('KMSInvalidStateException');
    expect(performance.now() - started).toBeGreaterThan(990);

    const fresh = await startKmsWithProxy({ xksTimeoutMs: 1000 });
    const id = await createKeyStore(fresh, fresh.proxy);
    fresh.proxy.fault = () => 'hang';
    expect(await connect(fresh, id)).toMatchObject({ ConnectionErrorCode: 'XKS_PROXY_TIMED_OUT' });
  });

  test('has a time limit of 250 ms unless told otherwise', async () => {
    const { address } = await listen(() => undefined);
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

  test('does not exist where nobody listens', async () => {
    const kms = await startKmsWithProxy();
    const id = await createKeyStore(kms, kms.proxy);
    await kms.proxy.close();
    expect(await connect(kms, id)).toMatchObject({
      ConnectionState: 'FAILED',
      ConnectionErrorCode: 'XKS_PROXY_NOT_REACHABLE',
    });
    const again = new CreateCustomKeyStoreCommand({
      ...keyStoreInput(kms.proxy),
      CustomKeyStoreName: 'again',
      XksProxyUriPath: '/again/kms/xks/v1',
    });
    expect(await refusal(kms.client.send(again))).toBe('XksProxyUriUnreachableException');
  });

  test('goes over TLS', async () => {
    const proxy = await startTestProxy();
    onTestFinished(() => proxy.close());
    const { address } = await listen((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
    const { client } = await startKms({ xksHosts: { [proxy.host]: address }, xksTimeoutMs: 10_000 });
    const create = new CreateCustomKeyStoreCommand(keyStoreInput(proxy));
    expect(await refusal(client.send(create))).toBe('XksProxyUriUnreachableException');
  });

  test.each([
    ['of an unknown authority', 'proxy.example', false],
    ['of another host', 'other.example', true],
  ])('ends at a certificate %s', async (_title, name, trusted) => {
    const proxy = await startTestProxy(name);
    onTestFinished(() => proxy.close());
    const kms = await startKms({
      xksHosts: { 'proxy.example': proxy.address },
      xksCertificateAuthorities: trusted ? proxy.certificate : serverCertificate(name).cert,
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
