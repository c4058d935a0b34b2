import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE } from '../fixtures/bodies.ts';
import { metadata, startTestProxy, type TestProxy } from '../fixtures/proxy.ts';

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy();
});
afterAll(() => proxy.close());

const describeKey = (key: string, requestMetadata: unknown = metadata({ kmsOperation: 'DescribeKey' })) =>
  proxy.call(`${BASE}/keys/${key}/metadata`, { requestMetadata });

describe('GetKeyMetadata', () => {
  it.each<[string, readonly string[], string]>([
    ['orders', ['ENCRYPT', 'DECRYPT'], 'ENABLED'],
    ['encrypt-only', ['ENCRYPT'], 'ENABLED'],
    ['decrypt-only', ['DECRYPT'], 'ENABLED'],
    ['disabled', ['ENCRYPT', 'DECRYPT'], 'DISABLED'],
  ])('of key %s tells %j and %s', async (key, keyUsage, keyStatus) => {
    const answer = await describeKey(key);
    expect(answer.status).toBe(200);
    expect(answer.json).toEqual({ keySpec: 'AES_256', keyUsage, keyStatus });
  });

  it('needs no key ARN, which does not exist yet when a key is created', async () => {
    expect(await describeKey('orders', metadata({ kmsKeyArn: undefined }))).toMatchObject({ status: 200 });
  });

  it.each(['unknown', 'missing', 'constructor', '__proto__'])('of key %s finds nothing', async (key) => {
    expect(await describeKey(key)).toMatchObject({
      status: 404,
      json: { errorName: 'KeyNotFoundException' },
    });
  });

  it.each([undefined, {}, null, metadata({ awsPrincipalArn: undefined })])(
    'with metadata %j is not valid',
    async (requestMetadata) => {
      const answer = await proxy.call(`${BASE}/keys/orders/metadata`, { requestMetadata });
      expect(answer).toMatchObject({ status: 400, json: { errorName: 'ValidationException' } });
    },
  );
});
