import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { add, edit, rename } from './fixtures/changes.ts';
import { metadata, startTestProxy, type TestProxy } from './fixtures/proxy.ts';
import { exchange } from './fixtures/raw-http.ts';

const PATH = '/acme/kms/xks/v1/keys/orders/metadata';
const BODY = JSON.stringify({ requestMetadata: metadata() });

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy();
});
afterAll(() => proxy.close());

describe('a request target is refused with 404', () => {
  it.each([
    ['with a query', `${PATH}?a=b`],
    ['with an empty query', `${PATH}?`],
    ['in presigned form', `${PATH}?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00`],
    ['with a fragment', `${PATH}#a`],
    ['with a dot segment', '/acme/./kms/xks/v1/keys/orders/metadata'],
    ['with a double-dot segment', '/acme/../acme/kms/xks/v1/keys/orders/metadata'],
    ['with an encoded dot segment', '/acme/%2e%2e/acme/kms/xks/v1/keys/orders/metadata'],
    ['with an empty segment', '/acme//kms/xks/v1/keys/orders/metadata'],
    ['with a leading empty segment', '//acme/kms/xks/v1/keys/orders/metadata'],
    ['with a trailing slash', `${PATH}/`],
    ['with an encoded slash', '/acme/kms/xks/v1/keys%2Forders/metadata'],
    ['with an encoded letter', '/acme/kms/xks/v1/keys/%6frders/metadata'],
    ['with a backslash', '/acme\\kms/xks/v1/keys/orders/metadata'],
    ['with a semicolon', '/acme;a=b/kms/xks/v1/keys/orders/metadata'],
    ['in absolute form', `https://localhost${PATH}`],
    ['in absolute form of plain http', `http://localhost${PATH}`],
    ['of another prefix', PATH.replace('/acme', '/acme/invalid')],
    ['of a prefix in other case', PATH.replace('/acme', '/ACME')],
    ['of another operation', PATH.replace('metadata', 'rotate')],
    ['longer than 256 characters', PATH.replace('orders', 'o'.repeat(250))],
  ])('%s', async (_title, target) => {
    // Signed as sent: the path is refused for itself, not for a signature that does not fit.
    const answer = await proxy.call(target, BODY);
    expect(answer).toMatchObject({ status: 404, json: { errorName: 'InvalidUriPathException' } });
  });

  it('when it is no path at all', async () => {
    const answer = await proxy.call(PATH, BODY, { sent: { target: 'nowhere' } });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.json).toHaveProperty('errorName');
  });
});

describe('a store', () => {
  const health = { requestMetadata: { kmsRequestId: 'r', kmsOperation: 'KmsHealthCheck' } };

  it('without a prefix is served at the root, in each of its regions', async () => {
    const { other } = proxy.credentials;
    for (const region of ['us-east-1', 'eu-north-1']) {
      const answer = await proxy.call('/kms/xks/v1/health', health, { signing: { ...other, region } });
      expect(answer).toMatchObject({ status: 200 });
    }
  });

  it('has keys of its own', async () => {
    const { other } = proxy.credentials;
    const path = '/kms/xks/v1/keys/encrypt-only/metadata';
    const answer = await proxy.call(path, BODY, { signing: other });
    expect(answer).toMatchObject({ status: 404, json: { errorName: 'KeyNotFoundException' } });
  });
});

describe('the transport is refused', () => {
  it('with 405 for every method but POST', async () => {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const answer = await proxy.call(PATH, BODY, { signing: { method }, sent: { method } });
      expect(answer).toMatchObject({ status: 405 });
      expect(answer.headers.get('allow')).toBe('POST');
    }
  });

  it('when a body has both a length and chunks', async () => {
    const answer = await proxy.call(PATH, BODY, { headers: add('Transfer-Encoding', 'chunked') });
    expect(answer).toMatchObject({ status: 400, json: { errorName: 'ValidationException' } });
  });

  it.each(['Host', 'Content-Type', 'X-Amz-Date'])('when %s is folded', async (name) => {
    const headers = edit(name.toLowerCase(), (value) => `${value}\r\n more`);
    const answer = await proxy.call(PATH, BODY, { headers });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.json).toHaveProperty('errorName');
  });

  it('when a body has two lengths', async () => {
    const answer = await proxy.call(PATH, BODY, { headers: add('Content-Length', '5') });
    expect(answer.status).toBe(400);
  });

  it('with 501 for a body over the limit, before any of it is read', async () => {
    const headers = edit('content-length', () => String(64 * 1024 + 1));
    const answer = await proxy.call(PATH, '', { headers });
    expect(answer).toMatchObject({ status: 501, json: { errorName: 'UnsupportedOperationException' } });
    expect(answer.headers.get('connection')).toBe('close');
  });

  it('with 501 for chunks over the limit', async () => {
    const chunk = `10001\r\n${'a'.repeat(0x10001)}\r\n0\r\n\r\n`;
    const headers = rename('Content-Length', 'Transfer-Encoding', 'chunked');
    const answer = await proxy.call(PATH, '', { sent: { body: chunk }, headers });
    expect(answer).toMatchObject({ status: 501 });
  });

  it('when it is not HTTP', async () => {
    const answer = await exchange(proxy, 'hello\r\n\r\n');
    expect(answer).toMatchObject({ status: 400, json: { errorName: 'ValidationException' } });
  });

  it('when a client insists on HTTP/2, so that no :authority can differ from a signed host', async () => {
    const failure = await new Promise((resolve) => {
      connect({
        host: '127.0.0.1',
        port: proxy.port,
        ca: proxy.ca,
        servername: 'localhost',
        ALPNProtocols: ['h2'],
      })
        .on('error', resolve)
        .on('secureConnect', () => resolve(undefined));
    });
    expect(failure).toBeInstanceOf(Error);
  });
});
