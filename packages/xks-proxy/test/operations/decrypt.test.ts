import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BASE, decryptBody, encryptBody, zeros } from '../fixtures/bodies.ts';
import { metadata, startTestProxy, type TestProxy } from '../fixtures/proxy.ts';

let proxy: TestProxy;
let sealed: Readonly<Record<string, unknown>>;
beforeAll(async () => {
  proxy = await startTestProxy();
  sealed = (await proxy.call(`${BASE}/keys/orders/encrypt`, encryptBody())).json;
});
afterAll(() => proxy.close());

const decrypt = (body: unknown, key = 'orders') => proxy.call(`${BASE}/keys/${key}/decrypt`, body);
const flipped = (field: string) => {
  const bytes = Buffer.from(String(sealed[field]), 'base64');
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1);
  return { [field]: bytes.toString('base64') };
};

describe('Decrypt', () => {
  it('opens what Encrypt sealed, whatever the bytes', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.uint8Array({ maxLength: 200 }),
        async (plaintext, aad) => {
          const additionalAuthenticatedData = Buffer.from(aad).toString('base64');
          const body = { plaintext: Buffer.from(plaintext).toString('base64'), additionalAuthenticatedData };
          const { json } = await proxy.call(`${BASE}/keys/orders/encrypt`, encryptBody(body));
          const opened = await decrypt(decryptBody(json, { additionalAuthenticatedData }));
          expect(opened).toMatchObject({ status: 200, json: { plaintext: body.plaintext } });
        },
      ),
      { numRuns: 20 },
    );
  });

  it('takes absent AAD and empty AAD for the same', async () => {
    const none = { additionalAuthenticatedData: undefined };
    const { json } = await proxy.call(`${BASE}/keys/orders/encrypt`, encryptBody(none));
    expect(await decrypt(decryptBody(json, none))).toMatchObject({ status: 200 });
    expect(await decrypt(decryptBody(json, { additionalAuthenticatedData: '' }))).toMatchObject({
      status: 200,
    });
  });

  it.each<[string, () => Readonly<Record<string, unknown>>]>([
    ['the ciphertext changed', () => flipped('ciphertext')],
    ['the tag changed', () => flipped('authenticationTag')],
    ['the initialization vector changed', () => flipped('initializationVector')],
    ['the metadata changed', () => flipped('ciphertextMetadata')],
    ['the metadata removed', () => ({ ciphertextMetadata: undefined })],
    ['the metadata emptied', () => ({ ciphertextMetadata: '' })],
    [
      'metadata of another key version',
      () => ({ ciphertextMetadata: Buffer.from('820102', 'hex').toString('base64') }),
    ],
    [
      'metadata of another spelling',
      () => ({ ciphertextMetadata: Buffer.from('82180101', 'hex').toString('base64') }),
    ],
    ['metadata of another program', () => ({ ciphertextMetadata: 'a2V5X3ZlcnNpb249MQ==' })],
    ['metadata over 20 bytes', () => ({ ciphertextMetadata: zeros(21) })],
    ['other AAD', () => ({ additionalAuthenticatedData: 'b3RoZXI=' })],
    ['no AAD', () => ({ additionalAuthenticatedData: undefined })],
    [
      'the metadata moved into the AAD',
      () => ({ additionalAuthenticatedData: 'ggEB', ciphertextMetadata: undefined }),
    ],
    ['the ciphertext truncated', () => ({ ciphertext: zeros(11) })],
    ['an initialization vector of 11 bytes', () => ({ initializationVector: zeros(11) })],
    ['an initialization vector of 16 zeros', () => ({ initializationVector: zeros(16) })],
    ['a tag of 12 bytes', () => ({ authenticationTag: String(sealed['authenticationTag']).slice(0, 16) })],
  ])('answers InvalidCiphertextException for %s, and always in the same words', async (_title, changes) => {
    const answer = await decrypt(decryptBody(sealed, changes()));
    const other = await decrypt(decryptBody(sealed, flipped('authenticationTag')));
    expect(answer).toMatchObject({ status: 400, json: { errorName: 'InvalidCiphertextException' } });
    expect(answer.text).toBe(other.text);
  });

  it.each<[string, string, Readonly<Record<string, unknown>>]>([
    ['metadata of another program', 'metadata-unknown', { ciphertextMetadata: 'a2V5X3ZlcnNpb249MQ==' }],
    ['metadata of 20 bytes', 'metadata-unknown', { ciphertextMetadata: zeros(20) }],
    ['metadata of 21 bytes', 'metadata-length', { ciphertextMetadata: zeros(21) }],
    [
      'an initialization vector of 11 bytes',
      'initialization-vector-length',
      { initializationVector: zeros(11) },
    ],
    ['a tag of 15 bytes', 'tag-length', { authenticationTag: zeros(15) }],
  ])('does not ask the token about %s, and says so in the log', async (_title, reason, changes) => {
    await decrypt(decryptBody(sealed, changes));
    const line = proxy.logLines().findLast(({ event }) => event === 'request');
    expect(line).toMatchObject({ errorName: 'InvalidCiphertextException', reason });
    expect(line).not.toHaveProperty('token');
  });

  it('answers InvalidCiphertextException for a ciphertext of another key', async () => {
    const answer = await decrypt(decryptBody(sealed), 'decrypt-only');
    expect(answer).toMatchObject({ status: 400, json: { errorName: 'InvalidCiphertextException' } });
  });

  it.each<[string, Readonly<Record<string, unknown>>]>([
    ['no requestMetadata', { requestMetadata: undefined }],
    ['no kmsKeyArn', { requestMetadata: metadata({ kmsKeyArn: undefined }) }],
    ['no ciphertext', { ciphertext: undefined }],
    ['no initialization vector', { initializationVector: undefined }],
    ['no tag', { authenticationTag: undefined }],
    ['a ciphertext that is not base64', { ciphertext: 'ghxkK1tx*' }],
    ['metadata that is not base64', { ciphertextMetadata: 'gg' }],
    ['metadata that is not text', { ciphertextMetadata: [1] }],
    ['no encryptionAlgorithm', { encryptionAlgorithm: undefined }],
  ])('answers ValidationException for %s', async (_title, changes) => {
    const answer = await decrypt(decryptBody(sealed, changes));
    expect(answer).toMatchObject({ status: 400, json: { errorName: 'ValidationException' } });
  });

  it.each<[string, string, number, string]>([
    ['an unknown key', 'unknown', 404, 'KeyNotFoundException'],
    ['a disabled key', 'disabled', 400, 'InvalidStateException'],
    ['a key that must only encrypt', 'encrypt-only', 400, 'InvalidKeyUsageException'],
  ])('refuses %s', async (_title, key, status, errorName) => {
    expect(await decrypt(decryptBody(sealed), key)).toMatchObject({ status, json: { errorName } });
  });

  it('answers UnsupportedOperationException for a ciphertext over 4300 bytes', async () => {
    const answer = await decrypt(decryptBody(sealed, { ciphertext: zeros(4301) }));
    expect(answer).toMatchObject({ status: 501, json: { errorName: 'UnsupportedOperationException' } });
  });
});
