import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { importAesKey } from '@holdfast/pkcs11/testing';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { BASE, decryptBody, encryptBody } from '../fixtures/bodies.ts';
import { startTestProxy, type TestProxy } from '../fixtures/proxy.ts';

const VALUE = randomBytes(32);
let proxy: TestProxy;
beforeAll(async () => {
  const keys = ['migrated', 'strict'].map(
    (id) =>
      `[[stores.keys]]\nexternal_key_id = "${id}"\nlabel = "reference"\naccept_reference_ciphertext = ${id === 'migrated'}\n`,
  );
  proxy = await startTestProxy((toml) =>
    toml.replace('[[stores]]\nname = "other"', `${keys.join('')}[[stores]]\nname = "other"`),
  );
  importAesKey(proxy.token, { label: 'reference', value: VALUE });
});
afterAll(() => proxy.close());

/** The answer of the sample proxy, written from its description: the length of the AAD, and its hash if there is one. */
function sealedByReference(plaintext: Buffer, aad: Buffer | undefined, metadata: Buffer) {
  const length = aad?.length ?? 0;
  const authenticated = Buffer.concat([
    Buffer.of(length >> 8, length & 0xff),
    ...(aad === undefined ? [] : [createHash('sha256').update(aad).digest()]),
    Buffer.of(metadata.length),
    metadata,
  ]);
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', VALUE, iv).setAAD(authenticated);
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return {
    ciphertext: ciphertext.toString('base64'),
    initializationVector: iv.toString('base64'),
    authenticationTag: cipher.getAuthTag().toString('base64'),
    ciphertextMetadata: metadata.length === 0 ? undefined : metadata.toString('base64'),
    additionalAuthenticatedData: aad?.toString('base64'),
  };
}

const decrypt = (key: string, sealed: Readonly<Record<string, unknown>>) =>
  proxy.call(`${BASE}/keys/${key}/decrypt`, decryptBody(sealed));
const PLAINTEXT = Buffer.from('a data key');
const METADATA = Buffer.from('static');

it.each([
  ['an AAD', Buffer.from('project=nile'), Buffer.alloc(0)],
  ['the longest AAD', Buffer.alloc(8192, 7), Buffer.alloc(0)],
  ['an AAD of as many bytes as a hash', Buffer.alloc(32, 7), Buffer.alloc(0)],
  ['an empty AAD', Buffer.alloc(0), Buffer.alloc(0)],
  ['no AAD', undefined, Buffer.alloc(0)],
  ['an AAD and metadata', Buffer.from('project=nile'), METADATA],
  ['no AAD and metadata', undefined, METADATA],
])('ciphertext of the sample proxy with %s opens where it is accepted', async (_, aad, metadata) => {
  const sealed = sealedByReference(PLAINTEXT, aad, metadata);
  await expect(decrypt('migrated', sealed)).resolves.toMatchObject({
    status: 200,
    json: { plaintext: PLAINTEXT.toString('base64') },
  });
});

it.each([
  ['with an AAD', Buffer.from('project=nile'), Buffer.alloc(0)],
  ['with metadata', Buffer.from('project=nile'), METADATA],
])('ciphertext of the sample proxy %s opens nowhere else', async (_, aad, metadata) => {
  const sealed = sealedByReference(PLAINTEXT, aad, metadata);
  await expect(decrypt('strict', sealed)).resolves.toMatchObject({
    status: 400,
    json: { errorName: 'InvalidCiphertextException' },
  });
});

it.each<[string, Readonly<Record<string, unknown>>]>([
  ['another AAD', { additionalAuthenticatedData: Buffer.from('project=amazon').toString('base64') }],
  ['no AAD', { additionalAuthenticatedData: undefined }],
  ['other metadata', { ciphertextMetadata: Buffer.from('Static').toString('base64') }],
  ['no metadata', { ciphertextMetadata: undefined }],
  ['metadata of ours', { ciphertextMetadata: 'ggEB' }],
  ['another tag', { authenticationTag: Buffer.alloc(16).toString('base64') }],
])('ciphertext of the sample proxy does not open with %s', async (_, changes) => {
  const sealed = sealedByReference(PLAINTEXT, Buffer.from('project=nile'), METADATA);
  await expect(decrypt('migrated', { ...sealed, ...changes })).resolves.toMatchObject({
    status: 400,
    json: { errorName: 'InvalidCiphertextException' },
  });
});

it('a key that accepts it makes and opens ciphertext of ours as ever', async () => {
  const { json } = await proxy.call(`${BASE}/keys/migrated/encrypt`, encryptBody());
  expect(json).toMatchObject({ ciphertextMetadata: 'ggEB' });
  await expect(decrypt('migrated', json)).resolves.toMatchObject({ status: 200 });
});
