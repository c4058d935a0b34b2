import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Chain, startChain } from '../../examples/chain/chain.ts';
import { type Envelope, holdfast } from '../../examples/chain/envelope.ts';
import { awsEncryptionSdk } from '../../examples/chain/interop.ts';
import { traceOf } from '../../examples/chain/trace.ts';

const encryptionContext = { tenant: 'acme', Ünïcode: 'Größe 10' };
const plaintext = randomBytes(100_000);

let chain: Chain;
let ours: Envelope;
let theirs: Envelope;

beforeAll(async () => {
  chain = await startChain();
  ours = holdfast(chain);
  theirs = awsEncryptionSdk(chain);
});
afterAll(() => chain.close());

test('a message sealed through the chain opens to the same bytes and context', async () => {
  const opened = await ours.open(await ours.seal(plaintext, encryptionContext), encryptionContext);
  expect(Buffer.compare(opened.plaintext, plaintext)).toBe(0);
  expect(opened.encryptionContext).toMatchObject(encryptionContext);
});

test.each([
  ['the AWS Encryption SDK opens our message', () => ({ sealer: ours, opener: theirs })],
  ['we open a message of the AWS Encryption SDK', () => ({ sealer: theirs, opener: ours })],
] as const)('%s', async (_title, roles) => {
  const { sealer, opener } = roles();
  const context = { purpose: 'interoperability' };
  const opened = await opener.open(await sealer.seal(plaintext, context), context);
  expect(Buffer.compare(opened.plaintext, plaintext)).toBe(0);
  expect(opened.encryptionContext).toMatchObject(context);
});

test('the request id of AWS KMS ties the client, the local KMS and the log line of the proxy', async () => {
  const before = chain.calls.length;
  await ours.open(await ours.seal(plaintext, encryptionContext), encryptionContext);
  const calls = chain.calls.slice(before);
  expect(calls.map(({ operation }) => operation)).toEqual(['GenerateDataKey', 'Decrypt']);
  for (const [index, operation] of ['Encrypt', 'Decrypt'].entries()) {
    const call = calls[index];
    if (call === undefined) throw new Error('a call is missing');
    const { hops, logLine } = await traceOf(chain, call);
    expect(hops.map(({ place }) => place)).toEqual([
      'application',
      'local KMS',
      'XKS call',
      'XKS proxy',
      'token',
    ]);
    expect(logLine).toMatchObject({
      kmsRequestId: call.requestId,
      kmsOperation: call.operation,
      kmsKeyArn: chain.keyArn,
      operation,
      store: 'acme',
      externalKeyId: 'orders',
      outcome: 'success',
    });
  }
});

test('every data key is wrapped by one request to the token and unwrapped by one', async () => {
  const before = chain.calls.length;
  const message = await ours.seal(plaintext, encryptionContext);
  await Promise.all(Array.from({ length: 8 }, () => ours.open(message, encryptionContext)));
  expect(chain.calls.slice(before)).toHaveLength(9);
});

test('a message does not open under another encryption context', async () => {
  const message = await ours.seal(plaintext, encryptionContext);
  await expect(ours.open(message, { ...encryptionContext, tenant: 'other' })).rejects.toMatchObject({
    code: 'ENCRYPTION_CONTEXT_MISMATCH',
  });
});

test('the KMS does not unwrap a data key under another encryption context', async () => {
  const { CiphertextBlob } = await chain.kms.generateDataKey({
    KeyId: chain.keyArn,
    KeySpec: 'AES_256',
    EncryptionContext: encryptionContext,
  });
  // The proxy finds it out, and what a proxy calls an invalid ciphertext AWS KMS calls an invalid state.
  const another = { ...encryptionContext, tenant: 'other' };
  await expect(chain.kms.decrypt({ CiphertextBlob, EncryptionContext: another })).rejects.toMatchObject({
    name: 'KMSInvalidStateException',
  });
});

test('a changed message does not open', async () => {
  const message = await ours.seal(plaintext, encryptionContext);
  const middle = message.length >> 1;
  const changed = message.with(middle, (message[middle] ?? 0) ^ 1);
  await expect(ours.open(changed, encryptionContext)).rejects.toMatchObject({ code: 'DECRYPTION_FAILED' });
});

test('a proxy that has gone is an error of AWS KMS, and opens nothing', async () => {
  const doomed = await startChain();
  try {
    const envelope = holdfast(doomed);
    const message = await envelope.seal(plaintext, encryptionContext);
    expect(await doomed.proxy.stop()).toBe(0);
    const refusal = doomed.kms.generateDataKey({ KeyId: doomed.keyArn, KeySpec: 'AES_256' });
    await expect(refusal).rejects.toMatchObject({ name: 'KMSInvalidStateException' });
    await expect(envelope.open(message, encryptionContext)).rejects.toMatchObject({
      code: 'DECRYPTION_FAILED',
    });
  } finally {
    await doomed.close();
  }
  expect(existsSync(doomed.directory)).toBe(false);
});
