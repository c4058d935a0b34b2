import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { startKms } from '../fixtures/kms.ts';
import { missing, output } from '../fixtures/programs.ts';

const reason = missing('aws', ['--version'], 'no AWS CLI: pip install awscli');
const answer = z.record(z.string(), z.unknown());

/** The AWS CLI before a KMS with three keys, and a file with a message. */
async function startSession() {
  const { url } = await startKms({
    seed: {
      keys: [
        { aliases: ['alias/orders'] },
        { aliases: ['alias/invoices'], spec: 'ECC_NIST_P256', usage: 'SIGN_VERIFY' },
        { aliases: ['alias/messages'], spec: 'HMAC_256', usage: 'GENERATE_VERIFY_MAC' },
      ],
    },
  });
  const folder = mkdtempSync(join(tmpdir(), 'local-kms-cli-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = (name: string, bytes: Uint8Array): string => {
    writeFileSync(join(folder, name), bytes);
    return `fileb://${join(folder, name)}`;
  };
  const aws = async (...args: readonly string[]) => {
    const text = await output('aws', ['kms', ...args, '--output', 'json'], url);
    return text === '' ? {} : answer.parse(JSON.parse(text));
  };
  return { aws, file, message: file('message', Buffer.from('a message')) };
}

const bytes = (value: unknown): Buffer => Buffer.from(z.string().parse(value), 'base64');

// Every call starts Python.
describe.skipIf(reason !== '')(`the AWS CLI${reason}`, { timeout: 120_000 }, () => {
  test('encrypts and decrypts', async () => {
    const { aws, file, message } = await startSession();
    const context = ['--encryption-context', 'team=orders'];
    const made = await aws('encrypt', '--key-id', 'alias/orders', '--plaintext', message, ...context);
    const blob = file('blob', bytes(made['CiphertextBlob']));
    const opened = await aws('decrypt', '--ciphertext-blob', blob, ...context);
    expect(bytes(opened['Plaintext']).toString()).toBe('a message');
    await expect(aws('decrypt', '--ciphertext-blob', blob)).rejects.toThrow('InvalidCiphertextException');
  });

  test('signs and verifies, with pairs and with secrets', async () => {
    const { aws, file, message } = await startSession();
    const invoice = [
      '--key-id',
      'alias/invoices',
      '--signing-algorithm',
      'ECDSA_SHA_256',
      '--message',
      message,
    ];
    const { Signature } = await aws('sign', ...invoice);
    const signature = file('signature', bytes(Signature));
    expect(await aws('verify', ...invoice, '--signature', signature)).toMatchObject({ SignatureValid: true });
    const mac = ['--key-id', 'alias/messages', '--mac-algorithm', 'HMAC_SHA_256', '--message', message];
    const { Mac } = await aws('generate-mac', ...mac);
    expect(await aws('verify-mac', ...mac, '--mac', file('mac', bytes(Mac)))).toMatchObject({
      MacValid: true,
    });
  });

  test('makes keys, and looks after them', async () => {
    const { aws } = await startSession();
    const { KeyMetadata } = await aws('create-key', '--tags', 'TagKey=team,TagValue=orders');
    const id = z.object({ KeyId: z.string() }).parse(KeyMetadata).KeyId;
    const key = ['--key-id', id];
    const [tags, list, stores] = await Promise.all([
      aws('list-resource-tags', ...key),
      aws('list-keys'),
      aws('describe-custom-key-stores'),
      aws('enable-key-rotation', ...key),
    ]);
    expect(tags).toMatchObject({ Tags: [{ TagKey: 'team' }] });
    expect(list).toMatchObject({ Keys: { length: 4 } });
    expect(stores).toMatchObject({ CustomKeyStores: [] });
    expect(await aws('get-key-rotation-status', ...key)).toMatchObject({ KeyRotationEnabled: true });
    expect(await aws('schedule-key-deletion', ...key)).toMatchObject({ KeyState: 'PendingDeletion' });
  });
});
