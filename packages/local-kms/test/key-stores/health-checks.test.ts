import { DisconnectCustomKeyStoreCommand, EncryptCommand } from '@aws-sdk/client-kms';
import { createLocalKms } from '@holdfast/local-kms';
import { describe, expect, test } from 'vitest';
import { connectionEnd, refusal, startKmsWithExternalKey } from '../fixtures/kms.ts';
import { healthAnswer } from '../fixtures/proxy.ts';

type Kms = Awaited<ReturnType<typeof startKmsWithExternalKey>>;

const healthChecks = ({ records }: Kms) => records.filter(({ event }) => event === 'health-check');
const proxyChecks = ({ proxy }: Kms) =>
  proxy.requests.filter(({ body }) => body.requestMetadata['kmsOperation'] === 'KmsHealthCheck');

describe('the health of the proxy of a connected store', () => {
  test('is asked for when five minutes have passed, once however many have', async () => {
    const kms = await startKmsWithExternalKey();
    kms.local.advanceClock(240_000);
    expect(
      kms.proxy.requests.some(({ body }) => body.requestMetadata['kmsOperation'] === 'KmsHealthCheck'),
    ).toBe(false);
    kms.advanceDays(365);
    await expect.poll(() => healthChecks(kms)).toHaveLength(1);
    const [asked] = proxyChecks(kms);
    expect(asked?.path).toBe('/tests/kms/xks/v1/health');
    expect(healthChecks(kms)).toMatchObject([
      {
        requestId: asked?.body.requestMetadata['kmsRequestId'],
        customKeyStoreId: kms.CustomKeyStoreId,
        xksCalls: [{ operation: 'GetHealthStatus' }],
      },
    ]);
    kms.local.advanceClock(300_000);
    await expect.poll(() => healthChecks(kms)).toHaveLength(2);
    expect(proxyChecks(kms)).toHaveLength(2);
  });

  test('is asked for without a request, as often as one likes', async () => {
    const kms = await startKmsWithExternalKey({ xksHealthIntervalMs: 1000 });
    await expect.poll(() => proxyChecks(kms).length, { timeout: 20_000 }).toBeGreaterThan(1);
  });

  test('is told and counted when it is bad, and disconnects nothing', async () => {
    const kms = await startKmsWithExternalKey();
    kms.proxy.fault = () => ({ status: 200, body: healthAnswer('UNAVAILABLE') });
    kms.local.advanceClock(300_000);
    await expect.poll(() => healthChecks(kms)).toHaveLength(1);
    expect(healthChecks(kms)).toMatchObject([{ xksCalls: [{ failure: 'KeyManagersUnavailable' }] }]);
    const [store] = kms.local.xksMetrics();
    expect(store?.operations).toContainEqual(
      expect.objectContaining({ operation: 'GetHealthStatus', failures: { KeyManagersUnavailable: 1 } }),
    );
    expect(await connectionEnd(kms, kms.CustomKeyStoreId)).toMatchObject({ ConnectionState: 'CONNECTED' });
    kms.proxy.fault = () => undefined;
    const encrypt = new EncryptCommand({ KeyId: kms.KeyId, Plaintext: new Uint8Array(1) });
    expect(await refusal(kms.client.send(encrypt))).toBe('no exception');
  });

  test('is not asked for when the store is disconnected', async () => {
    const kms = await startKmsWithExternalKey();
    const { CustomKeyStoreId } = kms;
    await kms.client.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
    kms.local.advanceClock(300_000);
    await kms.local.reset();
    expect(proxyChecks(kms)).toEqual([]);
  });

  test.each([0, 999, 86_400_001, Number.NaN])('is not asked for every %d ms', (xksHealthIntervalMs) => {
    expect(() => createLocalKms({ xksHealthIntervalMs })).toThrow(RangeError);
  });
});

describe('the metrics of the proxies', () => {
  test('say for each store what its calls came to, in process and over HTTP', async () => {
    const kms = await startKmsWithExternalKey();
    const encrypt = () =>
      kms.client.send(new EncryptCommand({ KeyId: kms.KeyId, Plaintext: new Uint8Array(1) }));
    await encrypt();
    kms.proxy.fault = () => ({ status: 429, body: { errorName: 'ThrottlingException' } });
    await refusal(encrypt());
    const metrics = kms.local.xksMetrics();
    expect(metrics).toMatchObject([
      {
        region: 'eu-north-1',
        customKeyStoreId: kms.CustomKeyStoreId,
        customKeyStoreName: 'tests',
        operations: [
          { operation: 'GetHealthStatus', calls: 2, failures: {} },
          { operation: 'GetKeyMetadata', calls: 1, failures: {} },
          { operation: 'Encrypt', calls: 2, failures: { ThrottlingException: 1 } },
        ],
      },
    ]);
    const response = await fetch(`${kms.url}/xks-metrics`);
    expect(await response.json()).toEqual({ stores: metrics });
  });

  test('count a wrong integrity value as what it is', async () => {
    const kms = await startKmsWithExternalKey();
    kms.proxy.fault = (_request, { status, body }) => ({
      status,
      body: { ...Object(body), ciphertextDataIntegrityValue: Buffer.alloc(32).toString('base64') },
    });
    await refusal(kms.client.send(new EncryptCommand({ KeyId: kms.KeyId, Plaintext: new Uint8Array(1) })));
    expect(kms.local.xksMetrics()[0]?.operations).toContainEqual(
      expect.objectContaining({ operation: 'Encrypt', failures: { MalformedResponse: 1 } }),
    );
  });
});
