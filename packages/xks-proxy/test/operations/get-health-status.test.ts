import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE } from '../fixtures/bodies.ts';
import { startTestProxy, type TestProxy } from '../fixtures/proxy.ts';
import { exchange } from '../fixtures/raw-http.ts';

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy();
});
afterAll(() => proxy.close());

const requestMetadata = { kmsRequestId: 'r', kmsOperation: 'KmsHealthCheck' };

describe('GetHealthStatus', () => {
  it('describes the proxy and the one key manager behind it', async () => {
    const { status, json } = await proxy.call(`${BASE}/health`, { requestMetadata });
    expect(status).toBe(200);
    expect(json).toMatchObject({
      xksProxyFleetSize: 1,
      xksProxyVendor: 'Holdfast',
      ekmVendor: 'SoftHSM project',
      ekmFleetDetails: [{ id: proxy.tokenSerial(), model: 'SoftHSM v2', healthStatus: 'ACTIVE' }],
    });
    expect(json['xksProxyModel']).toMatch(/^Holdfast XKS proxy \d/);
  });

  it.each([{}, { requestMetadata: {} }, { requestMetadata: { kmsOperation: 'KmsHealthCheck' } }])(
    'of %j is not valid',
    async (body) => {
      const answer = await proxy.call(`${BASE}/health`, body);
      expect(answer).toMatchObject({ status: 400, json: { errorName: 'ValidationException' } });
    },
  );

  it('is signed like everything else', async () => {
    const answer = await proxy.call(
      `${BASE}/health`,
      { requestMetadata },
      { signing: { region: 'eu-west-1' } },
    );
    expect(answer).toMatchObject({ status: 401 });
  });

  it('has a plain counterpart for load balancers, without a signature', async () => {
    const answer = await exchange(proxy, 'GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(answer).toMatchObject({ status: 200, json: { healthStatus: 'ACTIVE' } });
  });
});
