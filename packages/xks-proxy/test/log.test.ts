import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, decryptBody, encryptBody } from './fixtures/bodies.ts';
import { metadata, startTestProxy, type TestProxy } from './fixtures/proxy.ts';

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy((toml) => `[iv_budget]\nat_limit = "rotate"\n${toml}`);
});
afterAll(() => proxy.close());

const requests = () => proxy.logLines().filter(({ event }) => event === 'request');
const call = (operation: string, body: unknown) => proxy.call(`${BASE}/keys/orders/${operation}`, body);

describe('the log', () => {
  it('says where the proxy listens, which key the token does not have, and what could not rotate', () => {
    expect(proxy.logLines()).toContainEqual(
      expect.objectContaining({
        event: 'listening',
        host: '127.0.0.1',
        port: proxy.port,
        tokens: [{ name: 'xks-test', serial: proxy.tokenSerial() }],
        stores: ['acme', 'other'],
      }),
    );
    expect(proxy.logLines()).toContainEqual(
      expect.objectContaining({ event: 'key-unavailable', store: 'acme', externalKeyId: 'missing' }),
    );
    expect(proxy.logLines()).toContainEqual(
      expect.objectContaining({ event: 'rotation-impossible', level: 'error', store: 'acme' }),
    );
  });

  it('has one line a request, with the id that KMS gave it', async () => {
    const before = requests().length;
    await call('encrypt', encryptBody({ requestMetadata: metadata({ kmsRequestId: 'request 1' }) }));
    await call(
      'encrypt',
      encryptBody({ requestMetadata: metadata({ kmsRequestId: 'request 2' }), plaintext: '?' }),
    );
    const [success, failure, ...others] = requests().slice(before);
    expect(success).toMatchObject({
      level: 'info',
      kmsRequestId: 'request 1',
      kmsOperation: 'Encrypt',
      awsPrincipalArn: 'arn:aws:iam::123456789012:user/Alice',
      operation: 'Encrypt',
      store: 'acme',
      externalKeyId: 'orders',
      keyVersion: 1,
      token: 'xks-test',
      accessKeyId: proxy.credentials.acme.accessKeyId,
      outcome: 'success',
      status: 200,
    });
    expect(success?.['tokenMs']).toBeGreaterThan(0);
    expect(success?.['durationMs']).toBeGreaterThan(Number(success?.['tokenMs']));
    expect(failure).toMatchObject({
      kmsRequestId: 'request 2',
      outcome: 'error',
      errorName: 'ValidationException',
      status: 400,
    });
    expect(others).toEqual([]);
  });

  it('says which check refused a request, and believes nothing it said', async () => {
    const skewMs = 3_600_000;
    await proxy.call(`${BASE}/keys/orders/encrypt`, encryptBody(), { skewMs });
    const line = requests().at(-1);
    expect(line).toMatchObject({ errorName: 'AuthenticationFailedException', reason: 'clock-skew' });
    expect(line).not.toHaveProperty('accessKeyId');
    expect(line).not.toHaveProperty('kmsRequestId');
  });

  it('has the path of a request that belongs to no store, if it is a path', async () => {
    await proxy.call('/acme/wrong/kms/xks/v1/health', {});
    expect(requests().at(-1)).toMatchObject({ status: 404, path: '/acme/wrong/kms/xks/v1/health' });
    await proxy.call('/acme/kms/xks/v1/health?<script>', {});
    expect(requests().at(-1)).not.toHaveProperty('path');
  });

  it('keeps to the length of an ARN for what callers write', async () => {
    await call('encrypt', encryptBody({ requestMetadata: metadata({ kmsRequestId: 'x'.repeat(9000) }) }));
    expect(String(requests().at(-1)?.['kmsRequestId'])).toHaveLength(2048);
  });

  it('holds no plaintext, secret or PIN, in any spelling', async () => {
    const plaintext = randomBytes(32);
    const sealed = await call('encrypt', encryptBody({ plaintext: plaintext.toString('base64') }));
    await call('decrypt', decryptBody(sealed.json));
    await call('decrypt', decryptBody(sealed.json, { additionalAuthenticatedData: undefined }));
    await call('encrypt', encryptBody({ plaintext: `${plaintext.toString('base64')}x` }));
    await call('encrypt', `{"plaintext": "${plaintext.toString('base64')}", broken`);
    const secrets = [
      plaintext,
      ...Object.values(proxy.credentials).map(({ secretAccessKey }) => Buffer.from(secretAccessKey)),
      Buffer.from(proxy.pin),
    ];
    const log = proxy.logText().toLowerCase();
    for (const secret of secrets) {
      for (const encoding of ['latin1', 'hex', 'base64', 'base64url'] as const) {
        expect(log).not.toContain(secret.toString(encoding).replace(/=+$/, '').toLowerCase());
      }
    }
  });

  it('has no field but the known ones', () => {
    const fields = new Set(requests().flatMap((line) => Object.keys(line)));
    expect([...fields].filter((field) => !KNOWN_FIELDS.has(field))).toEqual([]);
  });
});

const KNOWN_FIELDS = new Set(
  (
    'level time event operation store externalKeyId keyVersion token policyRule accessKeyId status outcome errorName reason cause returnValue at ' +
    'path durationMs tokenMs kmsRequestId kmsOperation kmsKeyArn awsPrincipalArn awsSourceVpc awsSourceVpce kmsViaService'
  ).split(' '),
);
