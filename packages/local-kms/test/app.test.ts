import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { DescribeKeyCommand, GenerateDataKeyCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import { createLocalKms } from '@holdfast/local-kms';
import { describe, expect, test } from 'vitest';
import { present, refusal, startKms } from './fixtures/kms.ts';

interface Sent {
  readonly target?: string;
  readonly method?: string;
  readonly path?: string;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

async function send(
  url: string,
  { target = 'TrentService.ListKeys', method = 'POST', path = '/', body = '{}' }: Sent,
) {
  const response = await fetch(new URL(path, url), {
    method,
    headers: { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': target },
    ...(method === 'POST' && { body }),
  });
  const answer: unknown = await response.json();
  return { status: response.status, headers: response.headers, answer };
}

describe('the AWS JSON 1.1 protocol', () => {
  test('answers with its content type and a request id', async () => {
    const { url, records } = await startKms();
    const { status, headers, answer } = await send(url, {});
    expect({ status, answer }).toEqual({ status: 200, answer: { Keys: [], Truncated: false } });
    expect(headers.get('content-type')).toBe('application/x-amz-json-1.1');
    expect(headers.get('x-amzn-requestid')).toMatch(/^[0-9a-f-]{36}$/);
    expect(records.at(-1)).toMatchObject({
      event: 'request',
      operation: 'ListKeys',
      requestId: headers.get('x-amzn-requestid'),
    });
  });

  test.each<[string, Sent, number, string]>([
    [
      'an operation that does not exist',
      { target: 'TrentService.MakeCoffee' },
      404,
      'UnknownOperationException',
    ],
    ['a property of objects', { target: 'TrentService.constructor' }, 404, 'UnknownOperationException'],
    ['another service', { target: 'DynamoDB_20120810.ListTables' }, 404, 'UnknownOperationException'],
    ['another path', { path: '/kms' }, 404, 'UnknownOperationException'],
    ['another method', { method: 'GET' }, 404, 'UnknownOperationException'],
    ['a body that is not JSON', { body: '{' }, 400, 'SerializationException'],
    ['an empty body', { body: '' }, 400, 'SerializationException'],
    ['a body that is a list', { body: '[]' }, 400, 'SerializationException'],
    ['a body that is null', { body: 'null' }, 400, 'SerializationException'],
    [
      'a body that is not UTF-8',
      { body: Buffer.from('{"Marker":"\xff"}', 'latin1') },
      400,
      'SerializationException',
    ],
    ['half of a surrogate pair', { body: '{"Marker":"a\\uD83D b"}' }, 400, 'SerializationException'],
    ['the other half', { body: '{"Marker":"\\ude00"}' }, 400, 'SerializationException'],
    ['half of one in a name', { body: '{"a":[{"\\udbff":1}]}' }, 400, 'SerializationException'],
    ['a member of the wrong type', { body: '{"Limit":"10"}' }, 400, 'SerializationException'],
    ['a member that is missing', { target: 'TrentService.DescribeKey' }, 400, 'ValidationException'],
    ['a member out of bounds', { body: '{"Limit":1001}' }, 400, 'ValidationException'],
    [
      'a body of more than a megabyte',
      { body: `{"Marker":"${'x'.repeat(1_100_000)}"}` },
      413,
      'RequestEntityTooLargeException',
    ],
  ])('refuses %s', async (_title, sent, status, __type) => {
    const { url } = await startKms();
    expect(await send(url, sent)).toMatchObject({ status, answer: { __type } });
  });

  test('is of the account that there is when a request has come to its end', async () => {
    const { url, local, client } = await startKms();
    const headers = { 'x-amz-target': 'TrentService.CreateKey', expect: '100-continue', 'content-length': 2 };
    const slow = request(url, { method: 'POST', headers });
    slow.flushHeaders();
    await once(slow, 'continue'); // It has begun.
    await local.reset();
    slow.end('{}');
    slow.once('response', (response) => response.resume());
    await once(slow, 'close');
    expect((await client.send(new ListKeysCommand())).Keys).toHaveLength(1);
  });

  test('takes a pair of escaped surrogates for the character that it is', async () => {
    const { url, client } = await startKms();
    const target = 'TrentService.CreateKey';
    const body = String.raw`{"Description":"\ud83d\uDE00 \\ud800"}`;
    expect(await send(url, { target, body })).toMatchObject({ status: 200 });
    const { Keys } = await client.send(new ListKeysCommand());
    const KeyId = present(Keys?.[0]?.KeyId);
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata?.Description).toBe(String.raw`😀 \ud800`);
  });

  test('takes a member that is null for one that is absent', async () => {
    const { url, createKey } = await startKms();
    expect(await send(url, { body: '{"Limit":null,"Marker":null}' })).toMatchObject({ status: 200 });
    const body = JSON.stringify({
      KeyId: await createKey(),
      GranteePrincipal: 'arn:aws:iam::111122223333:user/grantee',
      Operations: ['Encrypt'],
      Constraints: { EncryptionContextSubset: null, EncryptionContextEquals: { a: 'b' } },
      RetiringServicePrincipal: null,
    });
    expect(await send(url, { target: 'TrentService.CreateGrant', body })).toMatchObject({ status: 200 });
    const ofContext = body.replace('"b"', 'null');
    expect(await send(url, { target: 'TrentService.CreateGrant', body: ofContext })).toMatchObject({
      answer: { __type: 'SerializationException' },
    });
  });

  test('refuses bytes that are not in canonical base64', async () => {
    const { url, createKey } = await startKms();
    const KeyId = await createKey();
    for (const Plaintext of ['AB==', 'A', 'AAAA\n', 'A-_A', 1]) {
      const body = JSON.stringify({ KeyId, Plaintext });
      const sent = await send(url, { target: 'TrentService.Encrypt', body });
      expect(sent).toMatchObject({ status: 400, answer: { __type: 'SerializationException' } });
    }
  });

  test('answers 500 to nothing that a client can send', async () => {
    const { url, createKey } = await startKms();
    const KeyId = await createKey();
    for (const value of [0, -1, 'x', [], {}, [[]], true, { __proto__: 1 }]) {
      for (const target of ['Encrypt', 'Decrypt', 'GenerateDataKey', 'CreateKey', 'CreateCustomKeyStore']) {
        const members = [
          'KeyId',
          'Plaintext',
          'CiphertextBlob',
          'EncryptionContext',
          'KeySpec',
          'GrantTokens',
        ];
        const body = JSON.stringify({
          KeyId,
          ...Object.fromEntries(members.map((member) => [member, value])),
        });
        const { status } = await send(url, { target: `TrentService.${target}`, body });
        expect(status === 200 || status === 400).toBe(true);
      }
    }
  });

  test('goes on after a client that hangs up, of which nothing is logged', async () => {
    const { url, local, records, client, createKey } = await startKms();
    const headers = { expect: '100-continue', 'content-length': 100 };
    const aborted = request(url, { method: 'POST', headers });
    aborted.on('error', () => undefined);
    aborted.flushHeaders();
    await once(aborted, 'continue'); // It has begun.
    aborted.write('{', () => aborted.destroy());
    await new Promise((resolve) => aborted.once('close', resolve));
    const KeyId = await createKey();
    expect(await refusal(client.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' })))).toBe(
      'no exception',
    );
    const operations = ['CreateKey', 'GenerateDataKey'];
    expect(local.auditEvents().map(({ eventName }) => eventName)).toEqual(operations);
    expect(records.slice(1)).toMatchObject(operations.map((operation) => ({ event: 'request', operation })));
  });
});

describe('createLocalKms', () => {
  test.each([
    { region: 'Stockholm' },
    { accountId: '1234' },
    { xksCertificateAuthorities: 'none' },
    { xksCertificateAuthorities: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' },
    { xksTimeoutMs: 0 },
    { xksTimeoutMs: Number.NaN },
  ])('refuses the options %j', (options) => {
    expect(() => createLocalKms(options)).toThrow(RangeError);
  });

  test('frees its port when it is closed', async () => {
    const kms = createLocalKms();
    const first = await kms.listen();
    const port = Number(new URL(first.url).port);
    await expect(kms.listen({ port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await first.close();
    const second = await kms.listen({ port });
    await second.close();
  });

  test('answers what has arrived before it closes, and keeps no connection for it', async () => {
    const kms = await createLocalKms().listen();
    const agent = new Agent({ keepAlive: true });
    const headers = { 'x-amz-target': 'TrentService.CreateKey', expect: '100-continue', 'content-length': 2 };
    const slow = request(kms.url, { agent, method: 'POST', headers });
    slow.flushHeaders();
    await once(slow, 'continue'); // It has arrived.
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      slow.once('response', resolve).once('error', reject);
    });
    const closed = kms.close();
    slow.end('{}');
    expect((await answer).resume().statusCode).toBe(200);
    const answeredAt = performance.now();
    await closed;
    expect(performance.now() - answeredAt).toBeLessThan(2000);
    agent.destroy();
  });

  test('keeps its keys from one listen to the next', async () => {
    const kms = createLocalKms();
    const first = await kms.listen();
    await send(first.url, { target: 'TrentService.CreateKey' });
    await first.close();
    const second = await kms.listen();
    expect(await send(second.url, {})).toMatchObject({ answer: { Keys: [{}] } });
    await second.close();
  });
});
