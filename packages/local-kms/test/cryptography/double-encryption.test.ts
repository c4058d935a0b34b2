import {
  DecryptCommand,
  DisconnectCustomKeyStoreCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { connect, present, refusal, SCOPE, startKmsWithExternalKey } from '../fixtures/kms.ts';
import { type Answer, type Fault, integrityValue, type SeenRequest } from '../fixtures/proxy.ts';

const Plaintext = new Uint8Array(Buffer.from('a plaintext that only KMS may see'));
const EncryptionContext = { purpose: 'tests', Ämne: 'prov' };

const encryption = z.object({
  ciphertext: z.string(),
  ciphertextMetadata: z.string(),
  initializationVector: z.string(),
  authenticationTag: z.string(),
});

// Changes members of the proxy's own answer, with an integrity value that fits unless that is what changes.
function changingEncryption(change: Partial<Record<string, unknown>>) {
  return ({ path, body }: SeenRequest, answer: Answer): Fault | undefined => {
    if (!path.endsWith('/encrypt')) return undefined;
    const changed = { ...encryption.parse(answer.body), ...change };
    const parts = [
      body.additionalAuthenticatedData,
      changed.ciphertextMetadata,
      changed.initializationVector,
      changed.ciphertext,
      changed.authenticationTag,
    ].map((part) => Buffer.from(String(part), 'base64'));
    return { status: 200, body: { ciphertextDataIntegrityValue: integrityValue(parts), ...changed } };
  };
}

const zeros = (length: number): string => Buffer.alloc(length).toString('base64');

describe('a key in an external key store', () => {
  test('decrypts what it encrypted, up to 4096 bytes', async () => {
    const { client, KeyId } = await startKmsWithExternalKey();
    for (const length of [1, 32, 4096]) {
      const bytes = new Uint8Array(length).fill(7);
      const { CiphertextBlob } = await client.send(
        new EncryptCommand({ KeyId, Plaintext: bytes, EncryptionContext }),
      );
      expect(present(CiphertextBlob).length).toBeLessThanOrEqual(6144);
      const opened = await client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
      expect(opened.Plaintext).toEqual(bytes);
      expect(opened.KeyMaterialId).toBeUndefined();
    }
  });

  test('shows the proxy ciphertext only', async () => {
    const { client, KeyId, proxy } = await startKmsWithExternalKey();
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext }));
    await client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
    const seen = Buffer.from(proxy.requests.at(-2)?.body.plaintext ?? '', 'base64');
    expect(seen).toHaveLength(Plaintext.length + 28);
    const given = proxy.requests.map(({ rawBody }) => rawBody).join('\n');
    for (const encoding of ['utf8', 'base64', 'hex'] as const) {
      expect(given).not.toContain(Buffer.from(Plaintext).toString(encoding));
      expect(seen.toString(encoding)).not.toContain(Buffer.from(Plaintext).toString(encoding));
    }
  });

  test('tells the proxy which request, principal, operation and key it is called for', async () => {
    const { client, KeyId, proxy } = await startKmsWithExternalKey();
    const { $metadata } = await client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' }));
    expect(proxy.requests.at(-1)).toMatchObject({
      path: '/tests/kms/xks/v1/keys/external-1/encrypt',
      host: 'proxy.example',
      body: {
        requestMetadata: {
          awsPrincipalArn: 'arn:aws:iam::111122223333:root',
          kmsKeyArn: `arn:aws:kms:${SCOPE}:key/${KeyId}`,
          kmsOperation: 'GenerateDataKey',
          kmsRequestId: $metadata.requestId,
        },
        encryptionAlgorithm: 'AES_GCM',
        ciphertextDataIntegrityValueAlgorithm: 'SHA_256',
      },
    });
  });

  test('names the KMS operation that a call serves', async () => {
    const { client, KeyId, proxy } = await startKmsWithExternalKey();
    const { CiphertextBlob } = await client.send(
      new GenerateDataKeyWithoutPlaintextCommand({ KeyId, NumberOfBytes: 64 }),
    );
    await client.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: KeyId }));
    const calls = proxy.requests.map(({ path, body }) => [
      path.split('/').at(-1),
      body.requestMetadata.kmsOperation,
    ]);
    expect(calls).toEqual([
      ['health', 'CreateCustomKeyStore'],
      ['health', 'ConnectCustomKeyStore'],
      ['metadata', 'CreateKey'],
      ['encrypt', 'GenerateDataKeyWithoutPlaintext'],
      ['decrypt', 'ReEncrypt'],
      ['encrypt', 'ReEncrypt'],
    ]);
  });

  test('keeps its connection to the proxy open, and adds nothing to it', async () => {
    const warnings: string[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning.name);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    const { client, KeyId, proxy } = await startKmsWithExternalKey();
    for (let i = 0; i < 15; i += 1) await client.send(new EncryptCommand({ KeyId, Plaintext }));
    expect(proxy.connections()).toBe(1);
    expect(warnings).not.toContain('MaxListenersExceededWarning');
  });

  test('opens nothing under another encryption context', async () => {
    const { client, KeyId } = await startKmsWithExternalKey();
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext }));
    const decrypt = new DecryptCommand({ CiphertextBlob, EncryptionContext: { purpose: 'theft' } });
    expect(await refusal(client.send(decrypt))).toBe('KMSInvalidStateException');
  });

  test('does not believe a proxy that decrypts to something else', async () => {
    const { client, KeyId, proxy } = await startKmsWithExternalKey();
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
    const decrypt = () => refusal(client.send(new DecryptCommand({ CiphertextBlob })));
    for (const length of [Plaintext.length + 28, Plaintext.length, 4096]) {
      proxy.fault = () => ({ status: 200, body: { plaintext: Buffer.alloc(length).toString('base64') } });
      expect(await decrypt()).toBe('KMSInvalidStateException');
    }
    proxy.fault = () => undefined;
    expect(await decrypt()).toBe('no exception');
  });

  test.each([
    { ciphertextDataIntegrityValue: zeros(32) },
    { ciphertextDataIntegrityValue: undefined },
    { ciphertextDataIntegrityValue: 'not base64' },
    { initializationVector: zeros(13) },
    { initializationVector: undefined },
    { authenticationTag: zeros(12) },
    { ciphertextMetadata: zeros(21) },
    { ciphertext: zeros(16) },
    { ciphertext: 17 },
  ])('refuses an encryption with %j', async (change) => {
    const { client, KeyId, proxy } = await startKmsWithExternalKey();
    const encrypt = () => refusal(client.send(new EncryptCommand({ KeyId, Plaintext })));
    proxy.fault = changingEncryption({});
    expect(await encrypt()).toBe('no exception');
    proxy.fault = changingEncryption(change);
    expect(await encrypt()).toBe('KMSInvalidStateException');
  });

  test.each([
    { ciphertextMetadata: '' },
    { ciphertextMetadata: zeros(20) },
    { initializationVector: zeros(16) },
  ])('takes an encryption with %j', async (change) => {
    const { client, KeyId, proxy } = await startKmsWithExternalKey();
    proxy.fault = changingEncryption(change);
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
    await refusal(client.send(new DecryptCommand({ CiphertextBlob })));
    expect(proxy.requests.at(-1)?.body).toMatchObject(change);
  });

  test('cannot be used while its store is disconnected', async () => {
    const kms = await startKmsWithExternalKey();
    const { client, KeyId, CustomKeyStoreId, proxy } = kms;
    const { CiphertextBlob } = await client.send(new EncryptCommand({ KeyId, Plaintext }));
    await client.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));
    const calls = proxy.requests.length;
    expect(await refusal(client.send(new EncryptCommand({ KeyId, Plaintext })))).toBe(
      'KMSInvalidStateException',
    );
    expect(await refusal(client.send(new DecryptCommand({ CiphertextBlob })))).toBe(
      'KMSInvalidStateException',
    );
    expect(proxy.requests).toHaveLength(calls);
    await connect(kms, CustomKeyStoreId);
    expect(await refusal(client.send(new DecryptCommand({ CiphertextBlob })))).toBe('no exception');
  });

  test('answers a dry run without a call to the proxy', async () => {
    const { client, KeyId, proxy } = await startKmsWithExternalKey();
    const calls = proxy.requests.length;
    const dryRun = new EncryptCommand({ KeyId, Plaintext, DryRun: true });
    expect(await refusal(client.send(dryRun))).toBe('DryRunOperationException');
    expect(proxy.requests).toHaveLength(calls);
  });

  test('refuses an encryption context that no proxy has to take', async () => {
    const { client, KeyId } = await startKmsWithExternalKey();
    const encrypt = (length: number) =>
      refusal(
        client.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext: { a: 'x'.repeat(length) } })),
      );
    expect(await encrypt(8100)).toBe('no exception');
    expect(await encrypt(8192)).toBe('ValidationException');
  });
});
