import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { signRequest } from '../../src/conformance/signer.ts';

test('signs as the AWS SDK does', async () => {
  const segment = fc.stringMatching(/^[A-Za-z0-9_-]{1,30}$/);
  const inputs = fc.record({
    method: fc.constantFrom('POST', 'GET'),
    path: fc.array(segment, { minLength: 1, maxLength: 6 }).map((segments) => `/${segments.join('/')}`),
    extra: fc.dictionary(fc.stringMatching(/^x-[a-z]{3,8}$/), segment, { maxKeys: 3 }),
    body: fc.uint8Array({ maxLength: 200 }),
    credential: fc.record({ accessKeyId: segment, secretAccessKey: segment }),
    region: segment,
    date: fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
  });
  await fc.assert(
    fc.asyncProperty(inputs, async ({ extra, ...input }) => {
      const headers = { host: 'xks.example.com', ...extra };
      const signed = signRequest({ ...input, headers, signsDate: true, service: SERVICE });
      const signer = new SignatureV4({
        credentials: input.credential,
        region: input.region,
        service: SERVICE,
        sha256: Sha256,
        applyChecksum: false,
        uriEscapePath: false,
      });
      const { method, path, body } = input;
      const request = {
        method,
        path,
        body,
        headers,
        protocol: 'https:',
        hostname: 'xks.example.com',
        query: {},
      };
      const expected = await signer.sign(request, { signingDate: input.date });
      expect(signed).toEqual({
        authorization: expected.headers['authorization'],
        'x-amz-date': expected.headers['x-amz-date'],
      });
    }),
  );
});

/** The hash that the AWS SDK's signer is given. */
class Sha256 {
  readonly #hash: ReturnType<typeof createHash | typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', bytes(secret));
  }

  update(data: Uint8Array | string): void {
    this.#hash.update(data);
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new Error('a hash of node:crypto starts once');
  }
}

function bytes(data: string | ArrayBuffer | ArrayBufferView): Uint8Array | string {
  if (typeof data === 'string') return data;
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return new Uint8Array(data);
}

const SERVICE = 'kms-xks-proxy';
