import { createHash, createHmac, type Hash } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { xksCredential } from '../../src/xks/credential.ts';
import { signXksRequest } from '../../src/xks/signature.ts';

const characters = (set: string, constraints: fc.StringConstraints) =>
  fc.string({ unit: fc.constantFrom(...set.split('')), ...constraints });
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';

// The SDK brings no hash of its own.
class Sha256 {
  readonly #hash: Hash | ReturnType<typeof createHmac>;

  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    const key = secret === undefined || typeof secret === 'string' ? secret : bytesOf(secret);
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', key);
  }

  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(typeof data === 'string' ? data : bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    throw new TypeError('a signature is computed once');
  }
}

function bytesOf(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

describe('the signature of an XKS request', () => {
  test('is the one that the AWS SDK computes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          accessKeyId: characters(BASE32, { minLength: 20, maxLength: 30 }),
          secretAccessKey: characters(`${LETTERS}/+=`, { minLength: 43, maxLength: 64 }),
          region: fc.constantFrom('eu-north-1', 'us-gov-west-1', 'cn-north-1'),
          host: characters(`${LETTERS}.-`, { minLength: 1, maxLength: 40 }),
          keyId: characters(`${LETTERS}-_`, { minLength: 1, maxLength: 128 }),
          body: fc.string({ unit: 'grapheme', maxLength: 512 }),
          now: fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }),
        }),
        async ({ accessKeyId, secretAccessKey, region, host, keyId, body, now }) => {
          const path = `/tests/kms/xks/v1/keys/${keyId}/encrypt`;
          const signer = new SignatureV4({
            service: 'kms-xks-proxy',
            region,
            credentials: { accessKeyId, secretAccessKey },
            sha256: Sha256,
            applyChecksum: false,
          });
          const expected = await signer.sign(
            { method: 'POST', protocol: 'https:', hostname: host, path, headers: { host }, body },
            { signingDate: now },
          );
          const credential = xksCredential(accessKeyId, secretAccessKey);
          const headers = signXksRequest({ host, path, body }, credential, region, now);
          expect(headers).toEqual({
            'x-amz-date': expected.headers['x-amz-date'],
            authorization: expected.headers.authorization,
          });
        },
      ),
    );
  });

  test('covers host and date and nothing else of the header', () => {
    const credential = xksCredential('ABCDEFGHIJKLMNOPQRST', 'x'.repeat(43));
    const request = { host: 'proxy.example', path: '/kms/xks/v1/health', body: '' };
    const { authorization } = signXksRequest(request, credential, 'eu-north-1', new Date(0));
    expect(authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=ABCDEFGHIJKLMNOPQRST\/19700101\/eu-north-1\/kms-xks-proxy\/aws4_request, SignedHeaders=host;x-amz-date, Signature=[0-9a-f]{64}$/,
    );
  });

  test('changes its key with the day', () => {
    const credential = xksCredential('ABCDEFGHIJKLMNOPQRST', 'x'.repeat(43));
    const first = credential.signingKey('20261121', 'eu-north-1');
    expect(credential.signingKey('20261121', 'eu-north-1')).toBe(first);
    expect(credential.signingKey('20261122', 'eu-north-1').equals(first)).toBe(false);
  });
});
