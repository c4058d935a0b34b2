import { contextBytes } from '@holdfast/sdk/spi';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeExamples } from '../../../tools/vitest/example-programs.ts';
import { type GcpKmsKeyringOptions, gcpKmsKeyring } from '../src/gcp-kms.ts';
import { crc32c } from '../src/internal/crc32c.ts';
import { describeHttpKeyring } from './contract/http-keyring.ts';
import { describeKeyringContract } from './contract/keyring.ts';
import { type GcpKmsServer, KEY_RING, startGcpKms } from './fixtures/gcp-kms.ts';
import {
  answering,
  type JsonObject,
  type JsonServer,
  lying,
  startJsonServer,
  unreachableUrl,
} from './fixtures/json-server.ts';
import {
  decryptionMaterials,
  encryptionMaterials,
  keyringError,
  only,
  rootCauses,
} from './fixtures/materials.ts';

let kms: GcpKmsServer;
let liar: JsonServer;
let unreachable: string;

beforeAll(async () => {
  kms = await startGcpKms();
  const short = Buffer.alloc(31, 1);
  liar = await startJsonServer(() => ({
    status: 200,
    body: { plaintext: short.toString('base64'), plaintextCrc32c: String(crc32c(short)) },
  }));
  unreachable = await unreachableUrl();
});

afterAll(async () => {
  await kms.close();
  await liar.close();
});

/** A keyring for the key `orders`. */
function keyringOf(options: Partial<GcpKmsKeyringOptions> = {}) {
  const keyName = `${KEY_RING}/orders`;
  return gcpKmsKeyring({ address: kms.url, keyName, token: async () => kms.token, ...options });
}

describeKeyringContract('a Google Cloud KMS keyring', {
  generating: keyringOf,
  stranger: () => keyringOf({ keyName: `${KEY_RING}/other` }),
  similar: () => ['orders2', 'order', 'Orders'].map((name) => keyringOf({ keyName: `${KEY_RING}/${name}` })),
  outage: { keyService: 'Google Cloud KMS', keyring: () => keyringOf({ address: unreachable }) },
  lying: () => keyringOf({ address: liar.url }),
});

describeHttpKeyring('a Google Cloud KMS keyring', {
  keyService: 'Google Cloud KMS',
  server: () => kms,
  keyring: (options, address = kms.url) => keyringOf({ address, ...options }),
  token: () => kms.token,
  refusal: {
    body: { error: { code: 403, message: 'Permission denied on resource', status: 'PERMISSION_DENIED' } },
    reason: 'PERMISSION_DENIED',
  },
});

describe('a Google Cloud KMS keyring', () => {
  it('sends data key and canonical context with their checksums, and names the key in the message', async () => {
    const before = kms.requests.length;
    const materials = encryptionMaterials();
    const { dataKey = new Uint8Array(0), encryptedDataKeys } = await keyringOf().onEncrypt(materials);
    const [request] = kms.requests.slice(before);
    const context = contextBytes(materials.encryptionContext);
    const sentContext = {
      additionalAuthenticatedData: Buffer.from(context).toString('base64'),
      additionalAuthenticatedDataCrc32c: String(crc32c(context)),
    };
    expect(request).toMatchObject({ method: 'POST', path: `/v1/${KEY_RING}/orders:encrypt` });
    expect(request?.headers).toMatchObject({ authorization: `Bearer ${kms.token}` });
    expect(request?.body).toEqual({
      plaintext: Buffer.from(dataKey).toString('base64'),
      plaintextCrc32c: String(crc32c(dataKey)),
      ...sentContext,
    });
    const { providerId, providerInfo, ciphertext } = only(encryptedDataKeys);
    expect(providerId).toBe('gcp-kms');
    expect(Buffer.from(providerInfo).toString()).toBe(`${KEY_RING}/orders`);

    await keyringOf().onDecrypt(decryptionMaterials(), encryptedDataKeys);
    expect(kms.requests.at(-1)).toMatchObject({ path: `/v1/${KEY_RING}/orders:decrypt` });
    expect(kms.requests.at(-1)?.body).toEqual({
      ciphertext: Buffer.from(ciphertext).toString('base64'),
      ciphertextCrc32c: String(crc32c(ciphertext)),
      ...sentContext,
    });
  });

  it('sends nothing for an empty context', async () => {
    await keyringOf().onEncrypt(encryptionMaterials({ encryptionContext: {} }));
    expect(Object.keys(kms.requests.at(-1)?.body ?? {})).toEqual(['plaintext', 'plaintextCrc32c']);
  });

  it('opens what older versions of the key wrapped', async () => {
    const keyName = `${KEY_RING}/rotating`;
    for (let version = 1; version <= 2; version++) {
      kms.rotate(keyName);
      const { dataKey, encryptedDataKeys } = await keyringOf({ keyName }).onEncrypt(encryptionMaterials());
      kms.rotate(keyName);
      const opened = await keyringOf({ keyName }).onDecrypt(decryptionMaterials(), encryptedDataKeys);
      expect(opened.dataKey).toEqual(dataKey);
    }
  });

  const lies: Readonly<Record<string, JsonObject>> = {
    'another key': { name: `${KEY_RING}/other/cryptoKeyVersions/1` },
    'a key whose name is as long': { name: `${KEY_RING}/Orders/cryptoKeyVersions/1` },
    'a key whose name begins with ours': { name: `${KEY_RING}/orders2/cryptoKeyVersions/1` },
    'a key without a version': { name: `${KEY_RING}/orders` },
    'a version that is none': { name: `${KEY_RING}/orders/cryptoKeyVersions/1/x` },
    'no key': { name: undefined },
    'a ciphertext with another checksum': { ciphertextCrc32c: '1' },
    'a ciphertext without checksum': { ciphertextCrc32c: undefined },
    'another ciphertext': { ciphertext: 'AAAA' },
    'no ciphertext': { ciphertext: undefined },
    'an empty ciphertext': { ciphertext: '', ciphertextCrc32c: '0' },
    'a plaintext that it did not verify': { verifiedPlaintextCrc32c: false },
    'a context that it did not verify': { verifiedAdditionalAuthenticatedDataCrc32c: undefined },
  };
  it.each(Object.entries(lies))('takes no wrapped data key with %s', async (_, changed) => {
    kms.fault(lying((body) => ({ ...body, ...changed })));
    const error = await keyringError(keyringOf().onEncrypt(encryptionMaterials()));
    kms.fault();
    expect(error).toMatchObject({ code: 'KEY_SERVICE_ANSWER_INVALID', keyService: 'Google Cloud KMS' });
  });

  const plaintextLies: Readonly<Record<string, JsonObject>> = {
    'with another checksum': { plaintextCrc32c: '1' },
    'without checksum': { plaintextCrc32c: undefined },
    'that is not the one of its checksum': { plaintext: Buffer.alloc(32, 1).toString('base64') },
    'that is no base64': { plaintext: '*' },
  };
  it.each(Object.entries(plaintextLies))('takes no opened data key %s', async (_, changed) => {
    const { encryptedDataKeys } = await keyringOf().onEncrypt(encryptionMaterials());
    kms.fault(lying((body) => ({ ...body, ...changed })));
    const error = await keyringError(keyringOf().onDecrypt(decryptionMaterials(), encryptedDataKeys));
    kms.fault();
    expect(error.code).toBe('DATA_KEY_NOT_OPENED');
    expect(rootCauses(error)).toMatchObject([{ code: 'KEY_SERVICE_ANSWER_INVALID' }]);
  });

  it.each([
    [400, 'FAILED_PRECONDITION', 'KEY_SERVICE_REFUSED'],
    [404, 'NOT_FOUND', 'KEY_SERVICE_REFUSED'],
    [401, 'UNAUTHENTICATED', 'KEY_SERVICE_UNAVAILABLE'],
    [429, 'RESOURCE_EXHAUSTED', 'KEY_SERVICE_UNAVAILABLE'],
    [503, 'UNAVAILABLE', 'KEY_SERVICE_UNAVAILABLE'],
  ])('takes status %i, %s, for %s', async (status, reason, code) => {
    kms.fault(answering(status, { error: { code: status, message: 'no', status: reason } }));
    const error = await keyringError(keyringOf().onEncrypt(encryptionMaterials()));
    kms.fault();
    expect(error).toMatchObject({ code, cause: { status, reason } });
  });

  it('takes what an external key manager failed at for an outage, and no other unmet precondition', async () => {
    const { encryptedDataKeys } = await keyringOf().onEncrypt(encryptionMaterials());
    for (const [type, code] of [
      ['EXTERNAL_RESOURCE_UNREACHABLE', 'KEY_SERVICE_UNAVAILABLE'],
      ['KEY_DISABLED', 'DATA_KEY_NOT_OPENED'],
      [5, 'DATA_KEY_NOT_OPENED'],
    ]) {
      const violations = [{ type: 'KEY_STATE', subject: 'key', description: 'no' }, null, { type }];
      const details = [null, { '@type': 'type.googleapis.com/google.rpc.PreconditionFailure', violations }];
      kms.fault(answering(400, { error: { code: 400, status: 'FAILED_PRECONDITION', details } }));
      const error = await keyringError(keyringOf().onDecrypt(decryptionMaterials(), encryptedDataKeys));
      kms.fault();
      expect(error.code).toBe(code);
    }
  });

  it('opens nothing of random bytes under its own name', async () => {
    const keyring = keyringOf();
    const { encryptedDataKeys } = await keyring.onEncrypt(encryptionMaterials());
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (ciphertext) => {
        const hostile = [{ ...only(encryptedDataKeys), ciphertext }];
        const error = await keyringError(keyring.onDecrypt(decryptionMaterials(), hostile));
        expect(error.code).toBe('DATA_KEY_NOT_OPENED');
      }),
      { numRuns: 60 },
    );
  });

  it('cannot be made for something else than a key', () => {
    for (const keyName of [
      '',
      `${KEY_RING}/orders/cryptoKeyVersions/1`,
      `/${KEY_RING}/orders`,
      `${KEY_RING}/or/ders`,
      `${KEY_RING}/..`,
      `${KEY_RING}/orders:decrypt`,
      `${KEY_RING}/orders?x`,
      `${KEY_RING}/${'a'.repeat(64)}`,
    ]) {
      expect(() => keyringOf({ keyName })).toThrow(TypeError);
    }
  });
});

describeExamples('packages/keyrings/docs/gcp-kms.md', () => ({
  KMS_ADDRESS: kms.url,
  KMS_TOKEN: kms.token,
  KEY_NAME: `${KEY_RING}/orders`,
}));
