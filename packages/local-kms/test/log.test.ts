import { DecryptCommand, EncryptCommand, GenerateDataKeyCommand } from '@aws-sdk/client-kms';
import type { RequestRecord } from '@holdfast/local-kms';
import { describe, expect, test } from 'vitest';
import {
  CREDENTIAL,
  present,
  refusal,
  SCOPE,
  startKmsWithExternalKey,
  type TestKms,
} from './fixtures/kms.ts';

const requestsOf = ({ records }: TestKms): readonly RequestRecord[] =>
  records.filter((record) => record.event === 'request');

describe('the log', () => {
  test('ties a request to the call that the proxy saw', async () => {
    const kms = await startKmsWithExternalKey();
    const { $metadata } = await kms.client.send(
      new GenerateDataKeyCommand({ KeyId: kms.KeyId, KeySpec: 'AES_256' }),
    );
    const record = requestsOf(kms).at(-1);
    expect(record).toMatchObject({
      requestId: $metadata.requestId,
      operation: 'GenerateDataKey',
      keyId: `arn:aws:kms:${SCOPE}:key/${kms.KeyId}`,
      xksCalls: [{ operation: 'Encrypt' }],
    });
    expect(kms.proxy.requests.at(-1)?.body.requestMetadata.kmsRequestId).toBe($metadata.requestId);
    const [xksCall] = record?.xksCalls ?? [];
    expect(xksCall?.durationMs).toBeGreaterThan(0);
    expect(record?.durationMs).toBeGreaterThan(xksCall?.durationMs ?? Infinity);
  });

  test('names the exception, and what the proxy did to cause it', async () => {
    const kms = await startKmsWithExternalKey();
    kms.proxy.fault = () => ({ status: 403, body: { errorName: 'AccessDeniedException' } });
    const encrypt = new EncryptCommand({ KeyId: kms.KeyId, Plaintext: new Uint8Array(1) });
    expect(await refusal(kms.client.send(encrypt))).toBe('KMSInvalidStateException');
    expect(requestsOf(kms).at(-1)).toMatchObject({
      errorName: 'KMSInvalidStateException',
      xksCalls: [{ operation: 'Encrypt', failure: 'AccessDeniedException' }],
    });
  });

  test('holds no plaintext, secret, ciphertext or encryption context, and no answer of an error does', async () => {
    const kms = await startKmsWithExternalKey();
    const { client, KeyId } = kms;
    const Plaintext = new Uint8Array(Buffer.from('the plaintext of this test'));
    const EncryptionContext = { department: 'the context of this test' };
    const messages: string[] = [];
    const attempt = async <Output>(call: Promise<Output>): Promise<Output | undefined> => {
      try {
        return await call;
      } catch (error) {
        messages.push(String(error));
        return undefined;
      }
    };
    const encrypted = await attempt(client.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext })));
    const CiphertextBlob = present(encrypted?.CiphertextBlob);
    const dataKey = await client.send(
      new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', EncryptionContext }),
    );
    await attempt(client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext })));
    await attempt(client.send(new DecryptCommand({ CiphertextBlob })));
    await attempt(client.send(new EncryptCommand({ KeyId: 'nothing', Plaintext, EncryptionContext })));
    await attempt(client.send(new EncryptCommand({ KeyId, Plaintext: new Uint8Array(5000).fill(65) })));
    await attempt(
      client.send(new EncryptCommand({ KeyId, Plaintext, EncryptionContext: { a: 'x'.repeat(9000) } })),
    );
    expect(messages.length).toBeGreaterThanOrEqual(4);

    const written = [...messages, ...kms.records.map((record) => JSON.stringify(record))].join('\n');
    const secrets = [
      Plaintext,
      present(dataKey.Plaintext),
      CiphertextBlob,
      Buffer.from(CREDENTIAL.RawSecretAccessKey),
      Buffer.from(EncryptionContext.department),
    ];
    for (const secret of secrets) {
      for (const encoding of ['latin1', 'hex', 'base64'] as const) {
        expect(written.includes(Buffer.from(secret).toString(encoding))).toBe(false);
      }
    }
    expect(written).not.toContain('AAAAAAAA');
  });
});
