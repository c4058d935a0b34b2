import { CreateKeyCommand, EncryptCommand, UpdateCustomKeyStoreCommand } from '@aws-sdk/client-kms';
import { type CertificateAuthority, createCertificateAuthority } from '@holdfast/testbed/certificates';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { connectAgain, refusal, refusals, startKmsWithExternalKey } from '../fixtures/kms.ts';
import { type Fault, healthAnswer, type ProxyOptions, startTestProxy } from '../fixtures/proxy.ts';

type Kms = Awaited<ReturnType<typeof startKmsWithExternalKey>>;

/** What UpdateCustomKeyStore, CreateKey and Encrypt are refused with, and why the store then cannot be connected. */
async function consequences({ client, CustomKeyStoreId, KeyId, ...kms }: Kms): Promise<readonly unknown[]> {
  const update = new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, XksProxyUriPath: '/b/kms/xks/v1' });
  const create = new CreateKeyCommand({ Origin: 'EXTERNAL_KEY_STORE', CustomKeyStoreId, XksKeyId: 'b' });
  const encrypt = new EncryptCommand({ KeyId, Plaintext: new Uint8Array(1) });
  const exceptions = await refusals([client.send(update), client.send(create), client.send(encrypt)]);
  const { ConnectionErrorCode } = await connectAgain({ client, ...kms }, CustomKeyStoreId);
  return [...exceptions, ConnectionErrorCode];
}

const INVALID_RESPONSE = [
  'XksProxyInvalidResponseException',
  'CustomKeyStoreInvalidStateException',
  'KMSInvalidStateException',
  'XKS_PROXY_INVALID_RESPONSE',
];
const unreachable = (connectionErrorCode: string) => [
  'XksProxyUriUnreachableException',
  'CustomKeyStoreInvalidStateException',
  'KMSInvalidStateException',
  connectionErrorCode,
];
const right = healthAnswer('ACTIVE');

describe('an answer of the proxy', () => {
  test.each<[string, Fault, readonly string[]]>([
    ['cut off', 'truncate', INVALID_RESPONSE],
    ['that never ends', 'drip', unreachable('XKS_PROXY_TIMED_OUT')],
    ['of a server that speaks no HTTP', { bytes: 'SSH-2.0-OpenSSH_9.2\r\n' }, INVALID_RESPONSE],
    [
      'with a header that is too long',
      { status: 200, body: right, headers: { 'x-a': 'x'.repeat(20_000) } },
      INVALID_RESPONSE,
    ],
    [
      'of type text',
      { status: 200, body: right, headers: { 'content-type': 'text/plain' } },
      INVALID_RESPONSE,
    ],
    [
      'of two lengths',
      { bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}' },
      INVALID_RESPONSE,
    ],
    [
      'that switches protocols',
      { bytes: 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: a\r\n\r\n' },
      INVALID_RESPONSE,
    ],
    ['without a body', { status: 200, body: '' }, INVALID_RESPONSE],
    ['with half a JSON value', { status: 200, body: '{"xksProxyFleetSize":1,' }, INVALID_RESPONSE],
    ['with a list', { status: 200, body: [right] }, INVALID_RESPONSE],
    ['with another success', { status: 204, body: '' }, INVALID_RESPONSE],
    [
      'as a page about an error',
      { status: 500, body: '<h1>500</h1>', headers: { 'content-type': 'text/html' } },
      INVALID_RESPONSE,
    ],
    ['as an error without a name', { status: 400, body: { errorMessage: 'no' } }, INVALID_RESPONSE],
    [
      'as an error whose name is no text',
      { status: 400, body: { errorName: ['ThrottlingException'] } },
      INVALID_RESPONSE,
    ],
    [
      'as an error that every object has',
      { status: 400, body: { errorName: 'constructor' } },
      INVALID_RESPONSE,
    ],
  ])('%s has the consequences that AWS KMS gives it', async (_title, fault, expected) => {
    const kms = await startKmsWithExternalKey({ xksTimeoutMs: 2000 });
    kms.proxy.fault = () => fault;
    expect(await consequences(kms)).toEqual(expected);
    kms.proxy.fault = () => undefined;
    expect(await connectAgain(kms, kms.CustomKeyStoreId)).toMatchObject({ ConnectionState: 'CONNECTED' });
  });

  test('that leads elsewhere is not followed', async () => {
    const kms = await startKmsWithExternalKey();
    const elsewhere = `https://${kms.proxy.host}/elsewhere/kms/xks/v1/health`;
    kms.proxy.fault = () => ({ status: 307, body: right, headers: { location: elsewhere } });
    expect(await consequences(kms)).toEqual(INVALID_RESPONSE);
    expect(kms.proxy.requests.filter(({ path }) => path.startsWith('/elsewhere'))).toEqual([]);
  });

  test('of type JSON may say so with a parameter, in any case', async () => {
    const kms = await startKmsWithExternalKey();
    kms.proxy.fault = (_request, { status, body }) => ({
      status,
      body,
      headers: { 'content-type': 'Application/JSON; charset=utf-8' },
    });
    const encrypt = new EncryptCommand({ KeyId: kms.KeyId, Plaintext: new Uint8Array(1) });
    expect(await refusal(kms.client.send(encrypt))).toBe('no exception');
  });
});

describe('a TLS connection to a proxy', () => {
  afterEach(() => void vi.useRealTimers());

  /** Another proxy at the same address, whose certificate is of the same authority unless it is told otherwise. */
  async function replace(
    { proxy }: Kms,
    { host = proxy.host, ...options }: ProxyOptions & { host?: string },
  ) {
    await proxy.close();
    const port = Number(proxy.address.split(':')[1]);
    const other = await startTestProxy(host, { port, authority: proxy.authority, ...options });
    onTestFinished(() => other.close());
    return other;
  }

  async function expired(authority: CertificateAuthority) {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2020-01-01') });
    const { certificatePem: cert, keyPem: key } = await authority.issue({
      commonName: 'proxy.example',
      dnsNames: ['proxy.example'],
    });
    vi.useRealTimers();
    return { tls: { cert, key } };
  }

  test.each<[string, (authority: CertificateAuthority) => Promise<ProxyOptions & { host?: string }>]>([
    ['with a certificate that has expired', expired],
    ['with a certificate of another host', async () => ({ host: 'other.example' })],
    [
      'with a certificate of an unknown authority',
      async () => ({ authority: await createCertificateAuthority() }),
    ],
    [
      'of version 1.1',
      async () => ({ tls: { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } }),
    ],
    [
      'with none of the cipher suites of the XKS API',
      async () => ({ tls: { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } }),
    ],
    [
      'with a client certificate, where there is none,',
      async ({ certificatePem }) => ({
        tls: { requestCert: true, rejectUnauthorized: true, ca: certificatePem },
      }),
    ],
  ])('%s is not made', async (_title, change) => {
    const kms = await startKmsWithExternalKey();
    const other = await replace(kms, await change(kms.proxy.authority));
    expect(await consequences(kms)).toEqual(unreachable('XKS_PROXY_INVALID_TLS_CONFIGURATION'));
    expect(other.requests).toEqual([]);
  });

  test.each<[string, ProxyOptions['tls']]>([
    ['of version 1.2', { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }],
    ['of version 1.3', { minVersion: 'TLSv1.3' }],
  ])('%s is made', async (_title, tls = {}) => {
    const kms = await startKmsWithExternalKey();
    await replace(kms, { tls });
    const encrypt = new EncryptCommand({ KeyId: kms.KeyId, Plaintext: new Uint8Array(1) });
    expect(await refusal(kms.client.send(encrypt))).toBe('no exception');
  });
});
