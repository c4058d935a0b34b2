import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { add, edit, rename } from './fixtures/changes.ts';
import { metadata, requestBytes, startTestProxy, type TestProxy } from './fixtures/proxy.ts';
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
    expect([400, 401]).toContain(answer.status);
    expect(answer.json['errorName']).toMatch(/^(?:ValidationException|AuthenticationFailedException)$/);
  });

  it('when the connection ends inside the body', async () => {
    const { json, raw } = await cutOff(BODY.length - 1);
    expect(json).toMatchObject({ errorName: 'ValidationException' });
    expect(raw).not.toContain('200 OK');
    const reason = 'The request body is incomplete.';
    await expect.poll(() => proxy.logLines().at(-1)).toMatchObject({ outcome: 'error', reason });
  });

  it('when it expects what nobody knows', async () => {
    const before = proxy.logLines().length;
    const answer = await proxy.call(PATH, BODY, { headers: add('Expect', 'a miracle') });
    expect(answer).toMatchObject({ status: 400, json: { errorName: 'ValidationException' } });
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(proxy.logLines().slice(before)).toMatchObject([{ event: 'request', status: 400 }]);
  });

  it.each(['a b', 'exa mple.com:x', '%', '[::1', 'localhost/../x'])(
    'for its signature, and not its path, when Host is %j',
    async (host) => {
      const answer = await proxy.call(PATH, BODY, { headers: edit('host', () => host) });
      expect(answer).toMatchObject({ status: 401, json: { errorName: 'AuthenticationFailedException' } });
    },
  );

  it('when garbage follows a request, which is not answered with it', async () => {
    for (const garbage of ['garbage\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n']) {
      expect(await pipelined(garbage)).not.toContain('400 Bad Request');
    }
    await expect(proxy.call(PATH, BODY)).resolves.toMatchObject({ status: 200 });
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

  it('when it is that of a stranger, without waiting for the end of its chunks', async () => {
    const signing = { ...proxy.credentials.acme, accessKeyId: 'STRANGERSTRANGERSTRA' };
    const headers = rename('Content-Length', 'Transfer-Encoding', 'chunked');
    const answer = await proxy.call(PATH, BODY, { signing, sent: { body: '1\r\nx\r\n' }, headers });
    expect(answer).toMatchObject({ status: 401, json: { errorName: 'AuthenticationFailedException' } });
    expect(answer.headers.get('connection')).toBe('close');
  });

  it('when it is that of a stranger, once, although what follows is no chunk', async () => {
    const signing = { ...proxy.credentials.acme, accessKeyId: 'STRANGERSTRANGERSTRA' };
    const headers = rename('Content-Length', 'Transfer-Encoding', 'chunked');
    const changes = { signing, sent: { body: '1\r\nx\r\n' }, headers };
    const bytes = requestBytes(PATH, BODY, changes, `localhost:${proxy.port}`, signing);
    const received = await send(bytes, { end: false, behind: 'zz\r\n\r\n' });
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 401']);
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

const signedBytes = () => requestBytes(PATH, BODY, {}, `localhost:${proxy.port}`, proxy.credentials.acme);

/** Everything that is answered to bytes, up to the end of the connection. */
async function send(
  bytes: Uint8Array,
  { end, behind }: { readonly end: boolean; readonly behind?: string },
): Promise<string> {
  const { port, ca } = proxy;
  const socket = connect({ host: '127.0.0.1', port, ca, servername: 'localhost' }, () => {
    if (end) socket.end(bytes);
    else socket.write(bytes);
    if (behind !== undefined) socket.write(behind);
  });
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  await new Promise((resolve) => void socket.once('close', resolve));
  return received;
}

/** What is answered to a request whose connection ends after so many bytes of its body. */
async function cutOff(bodyBytes: number) {
  const bytes = signedBytes();
  const raw = await send(bytes.subarray(0, bytes.length - BODY.length + bodyBytes), { end: true });
  const json: unknown = JSON.parse(raw.slice(raw.indexOf('\r\n\r\n')));
  return { raw, json };
}

const pipelined = (garbage: string) =>
  send(Buffer.concat([signedBytes(), Buffer.from(garbage)]), { end: false });
