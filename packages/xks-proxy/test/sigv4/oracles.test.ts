import { execFile } from 'node:child_process';
import { createHash, createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { SignatureV4 } from '@smithy/signature-v4';
import aws4 from 'aws4';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { metadata, REGION, startTestProxy, type TestProxy } from '../fixtures/proxy.ts';
import { exchange } from '../fixtures/raw-http.ts';

const PATH = '/acme/kms/xks/v1/keys/orders/encrypt';
const BODY = JSON.stringify({
  requestMetadata: metadata(),
  plaintext: 'SGVsbG8gV29ybGQh',
  encryptionAlgorithm: 'AES_GCM',
});
const SERVICE = 'kms-xks-proxy';
const run = promisify(execFile);
const curl = await run('curl', ['--version']).then(
  ({ stdout }) => stdout,
  () => '',
);

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy();
});
afterAll(() => proxy.close());

describe('the proxy accepts what others sign', () => {
  it('@smithy/signature-v4', async () => {
    const signer = new SignatureV4({
      credentials: proxy.credentials.acme,
      region: REGION,
      service: SERVICE,
      sha256: Sha256,
    });
    const { headers } = await signer.sign({
      method: 'POST',
      protocol: 'https:',
      hostname: 'localhost',
      path: PATH,
      headers: { host: proxy.host, 'content-type': 'application/json' },
      body: BODY,
    });
    expect(await send(headers)).toMatchObject({ status: 200 });
  });

  it('aws4', async () => {
    const { headers } = aws4.sign(
      {
        method: 'POST',
        host: proxy.host,
        path: PATH,
        service: SERVICE,
        region: REGION,
        headers: { 'Content-Type': 'application/json', 'Content-Length': String(BODY.length) },
        body: BODY,
      },
      proxy.credentials.acme,
    );
    expect(await send(headers)).toMatchObject({ status: 200 });
  });

  const missing = curl === '' ? ' (skipped: curl is not installed)' : '';
  it.skipIf(curl === '')(`curl --aws-sigv4${missing}`, async () => {
    const { accessKeyId, secretAccessKey } = proxy.credentials.acme;
    const [authority, body] = [join(proxy.directory, 'ca.pem'), join(proxy.directory, 'body.json')];
    writeFileSync(authority, proxy.ca);
    writeFileSync(body, BODY);
    const { stdout } = await run('curl', [
      '--silent',
      '--aws-sigv4',
      `aws:amz:${REGION}:${SERVICE}`,
      '--user',
      `${accessKeyId}:${secretAccessKey}`,
      '--cacert',
      authority,
      '--resolve',
      `localhost:${proxy.port}:127.0.0.1`,
      '--header',
      'Content-Type: application/json',
      '--data-binary',
      `@${body}`,
      '--write-out',
      '\n%{http_code}',
      `https://${proxy.host}${PATH}`,
    ]);
    expect(stdout).toMatch(/\n200$/);
  });
});

function send(headers: Readonly<Record<string, string | number>>) {
  const lines = { 'Content-Length': BODY.length, ...headers };
  const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
  return exchange(proxy, `POST ${PATH} HTTP/1.1\r\n${head.join('')}\r\n${BODY}`);
}

/** The hash that the signer asks for, over node:crypto. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    if (secret === undefined) this.#hash = createHash('sha256');
    else if (typeof secret === 'string') this.#hash = createHmac('sha256', secret);
    else this.#hash = createHmac('sha256', bytes(secret));
  }

  update(data: Uint8Array): void {
    this.#hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }

  reset(): void {}
}

const bytes = (data: ArrayBuffer | ArrayBufferView) =>
  ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
