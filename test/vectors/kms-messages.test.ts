import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { awsKmsDiscoveryKeyring } from '@holdfast/keyrings/aws-kms-discovery';
import { encryptionClient, inspectUnauthenticated } from '@holdfast/sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { type ScriptedKms, startScriptedKms } from '../../packages/keyrings/test/fixtures/scripted-kms.ts';
import { needVectors, vectorsDirectory } from './manifest.ts';

const folder = join(vectorsDirectory, 'esdk', 'kms-messages');
const region = 'us-west-2';
let kms: ScriptedKms;

beforeAll(async () => {
  kms = await startScriptedKms();
  kms.answer((body) => ({ KeyId: request.parse(body).KeyId, Plaintext: new Uint8Array(32).fill(1) }));
});

afterAll(async () => {
  await kms.close();
});

describe('the messages of the AWS Encryption SDK for Python 1.3.5 under keys of AWS KMS', () => {
  beforeEach(needVectors);

  it('have the headers that they were written with', () => {
    const { tests } = readTests();
    expect(tests).toHaveLength(20);
    for (const { ciphertext, ...expected } of tests) {
      const header = inspectUnauthenticated(readFileSync(join(folder, ciphertext)));
      expect({
        suite: header.suite.id,
        messageVersion: header.suite.messageVersion,
        contentType: header.contentType.replace('-', ''),
        frameLength: header.frameLength,
        messageId: Buffer.from(header.messageId).toString('hex'),
        encryptionContext: { ...header.encryptionContext },
        encryptedDataKeys: header.encryptedDataKeys.map(({ providerId, providerInfo, ciphertext }) => ({
          providerId,
          providerInfo: Buffer.from(providerInfo).toString(),
          ciphertextSha256: sha256(ciphertext),
          ciphertextLength: ciphertext.length,
        })),
      }).toEqual(expected);
    }
  });

  it('are asked for with their key, ciphertext and whole context, and do not open with another data key', async () => {
    const keyring = awsKmsDiscoveryKeyring({ client: kms.clientIn(region) });
    const client = encryptionClient({ commitmentPolicy: 'REQUIRE_ENCRYPT_ALLOW_DECRYPT' });
    for (const { ciphertext, encryptionContext, encryptedDataKeys } of readTests().tests) {
      const before = kms.requests.length;
      const decrypting = client.decrypt(readFileSync(join(folder, ciphertext)), { keyring });
      await expect(decrypting).rejects.toMatchObject({ code: 'DECRYPTION_FAILED' });
      const asked = kms.requests.slice(before).map(({ body }) => request.parse(body));
      const wanted = encryptedDataKeys.map(({ providerInfo, ciphertextSha256 }) => ({
        KeyId: providerInfo,
        CiphertextBlob: ciphertextSha256,
        EncryptionContext: encryptionContext,
      }));
      expect(asked).toEqual(wanted);
    }
  });
});

const text = z.record(z.string(), z.string());

const request = z.object({
  KeyId: z.string(),
  CiphertextBlob: z.base64().transform((base64) => sha256(Buffer.from(base64, 'base64'))),
  EncryptionContext: text,
});

function readTests() {
  const schema = z.object({
    tests: z.array(
      z.object({
        ciphertext: z.string(),
        suite: z.string().transform(Number),
        messageVersion: z.number(),
        contentType: z.string(),
        frameLength: z.number(),
        messageId: z.string(),
        encryptionContext: text,
        encryptedDataKeys: z.array(
          z.object({
            providerId: z.string(),
            providerInfo: z.string(),
            ciphertextSha256: z.string(),
            ciphertextLength: z.number(),
          }),
        ),
      }),
    ),
  });
  return schema.parse(JSON.parse(readFileSync(join(folder, 'manifest.json'), 'utf8')));
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
