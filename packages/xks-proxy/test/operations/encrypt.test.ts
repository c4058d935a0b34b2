import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, decryptBody, encryptBody, zeros } from '../fixtures/bodies.ts';
import { metadata, startTestProxy, type TestProxy } from '../fixtures/proxy.ts';

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy();
});
afterAll(() => proxy.close());

const encrypt = (body: unknown, key = 'orders') => proxy.call(`${BASE}/keys/${key}/encrypt`, body);
const bytes = (value: unknown) => Buffer.from(String(value), 'base64');

describe('Encrypt', () => {
  it('answers with a ciphertext as long as the plaintext, a 12-byte vector, a 16-byte tag and short metadata', async () => {
    const { status, json, headers } = await encrypt(encryptBody());
    expect(status).toBe(200);
    expect(headers.get('content-type')).toBe('application/json');
    expect(Object.keys(json).sort()).toEqual([
      'authenticationTag',
      'ciphertext',
      'ciphertextMetadata',
      'initializationVector',
    ]);
    expect(bytes(json['ciphertext'])).toHaveLength(12);
    expect(bytes(json['initializationVector'])).toHaveLength(12);
    expect(bytes(json['authenticationTag'])).toHaveLength(16);
    expect(bytes(json['ciphertextMetadata']).toString('hex')).toBe('820101');
  });

  it('never uses an initialization vector twice', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => encrypt(encryptBody())));
    expect(new Set(answers.map(({ json }) => json['initializationVector'])).size).toBe(20);
    expect(new Set(answers.map(({ json }) => json['ciphertext'])).size).toBe(20);
  });

  it('gives the integrity value of AAD, metadata, vector, ciphertext and tag when asked', async () => {
    const { json } = await encrypt(encryptBody({ ciphertextDataIntegrityValueAlgorithm: 'SHA_256' }));
    const parts = ['ciphertextMetadata', 'initializationVector', 'ciphertext', 'authenticationTag'];
    const hash = createHash('sha256').update(bytes('cHJvamVjdD1uaWxl'));
    for (const part of parts) hash.update(bytes(json[part]));
    expect(json['ciphertextDataIntegrityValue']).toBe(hash.digest('base64'));
  });

  it('takes 4300 bytes of plaintext and 8192 bytes of AAD', async () => {
    const body = encryptBody({ plaintext: zeros(4300), additionalAuthenticatedData: zeros(8192) });
    const sealed = await encrypt(body);
    expect(sealed.status).toBe(200);
    const opened = await proxy.call(
      `${BASE}/keys/orders/decrypt`,
      decryptBody(sealed.json, { additionalAuthenticatedData: zeros(8192) }),
    );
    expect(opened.json['plaintext']).toBe(zeros(4300));
  });

  it('takes ARNs of 2048 characters and metadata it does not know', async () => {
    const arn = `arn:aws:iam::123456789012:user/${'x'.repeat(2017)}`;
    const more = {
      awsPrincipalArn: arn,
      kmsKeyArn: arn,
      sourceIdentity: 'someone',
      kmsRecipient: { a: [1] },
    };
    expect(await encrypt(encryptBody({ requestMetadata: metadata(more) }))).toMatchObject({ status: 200 });
  });

  it.each(['BulkEncrypt', ''])('takes the KMS operation %j, and any request id', async (kmsOperation) => {
    const requestMetadata = metadata({ kmsOperation, kmsRequestId: 'not a UUID, and long: é'.repeat(50) });
    expect(await encrypt(encryptBody({ requestMetadata }))).toMatchObject({ status: 200 });
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['no requestMetadata', { requestMetadata: undefined }],
    ['an array for requestMetadata', { requestMetadata: [] }],
    ['no awsPrincipalArn', { requestMetadata: metadata({ awsPrincipalArn: undefined }) }],
    ['no kmsKeyArn', { requestMetadata: metadata({ kmsKeyArn: undefined }) }],
    ['no kmsOperation', { requestMetadata: metadata({ kmsOperation: undefined }) }],
    ['no kmsRequestId', { requestMetadata: metadata({ kmsRequestId: undefined }) }],
    ['a number for kmsRequestId', { requestMetadata: metadata({ kmsRequestId: 1 }) }],
    ['a number for kmsViaService', { requestMetadata: metadata({ kmsViaService: 1 }) }],
    ['no plaintext', { plaintext: undefined }],
    ['an empty plaintext', { plaintext: '' }],
    ['a number for plaintext', { plaintext: 12 }],
    ['base64 without padding', { plaintext: 'SGVsbG8gV29ybGQ' }],
    ['URL-safe base64', { plaintext: '_-_-' }],
    ['base64 with a line break', { plaintext: 'SGVs\nbG8=' }],
    ['base64 with loose bits', { plaintext: 'SGVsbG9=' }],
    ['text that is not base64', { plaintext: '!!!!' }],
    ['AAD that is not base64', { additionalAuthenticatedData: 'a' }],
    ['no encryptionAlgorithm', { encryptionAlgorithm: undefined }],
    ['another encryptionAlgorithm', { encryptionAlgorithm: 'AES_CBC' }],
    ['another integrity algorithm', { ciphertextDataIntegrityValueAlgorithm: 'SHA_1' }],
  ])('refuses %s with ValidationException', async (_title, changes) => {
    const answer = await encrypt(encryptBody(changes));
    expect(answer).toMatchObject({ status: 400, json: { errorName: 'ValidationException' } });
  });

  it.each(['', '[]', '1', 'null', '"text"', '{', '{"a":}', '['.repeat(30_000), '\u0000'])(
    'refuses a body of %.10j with ValidationException',
    async (body) => {
      expect(await encrypt(body)).toMatchObject({ status: 400, json: { errorName: 'ValidationException' } });
    },
  );

  it('refuses bytes that are not UTF-8 with ValidationException', async () => {
    const body = Buffer.from(JSON.stringify(encryptBody()).replace('Alice', 'Al\u00ffce'), 'latin1');
    expect(await encrypt(body)).toMatchObject({ status: 400, json: { errorName: 'ValidationException' } });
  });

  it.each([
    'application/json;charset=utf-8',
    'application/json ; charset="utf-8"',
    'Application/JSON;\tCharset=UTF-8',
  ])('takes the content type %j', async (type) => {
    const answer = await proxy.call(`${BASE}/keys/orders/encrypt`, encryptBody(), {
      headers: (headers) => headers.map(([name, value]) => [name, name === 'Content-Type' ? type : value]),
    });
    expect(answer).toMatchObject({ status: 200 });
  });

  it.each([
    'text/plain',
    'application/json5',
    'application/json, text/html',
    'application/json; charset=latin1',
    'application/json; charset="utf-8',
    '',
  ])('refuses the content type %j with ValidationException', async (type) => {
    const answer = await proxy.call(`${BASE}/keys/orders/encrypt`, encryptBody(), {
      headers: (headers) => headers.map(([name, value]) => [name, name === 'Content-Type' ? type : value]),
    });
    expect(answer).toMatchObject({ status: 400, json: { errorName: 'ValidationException' } });
  });

  it.each<[string, string, Readonly<Record<string, unknown>>, number, string]>([
    ['an unknown key', 'unknown', {}, 404, 'KeyNotFoundException'],
    ['a key the token does not have', 'missing', {}, 404, 'KeyNotFoundException'],
    ['a disabled key', 'disabled', {}, 400, 'InvalidStateException'],
    ['a key the token only decrypts with', 'decrypt-only', {}, 400, 'InvalidKeyUsageException'],
    [
      'an integrity value of a key that must not decrypt',
      'encrypt-only',
      { ciphertextDataIntegrityValueAlgorithm: 'SHA_256' },
      400,
      'InvalidKeyUsageException',
    ],
    [
      'a plaintext over 4300 bytes',
      'orders',
      { plaintext: zeros(4301) },
      501,
      'UnsupportedOperationException',
    ],
    [
      'AAD over 8192 bytes',
      'orders',
      { additionalAuthenticatedData: zeros(8193) },
      501,
      'UnsupportedOperationException',
    ],
  ])('refuses %s', async (_title, key, changes, status, errorName) => {
    const answer = await encrypt(encryptBody(changes), key);
    expect(answer).toMatchObject({ status, json: { errorName } });
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(answer.json['errorMessage']).toMatch(/^[ -~]{1,511}$/);
  });

  it('encrypts with a key that must not decrypt, when no integrity value is asked for', async () => {
    expect(await encrypt(encryptBody(), 'encrypt-only')).toMatchObject({ status: 200 });
  });
});
