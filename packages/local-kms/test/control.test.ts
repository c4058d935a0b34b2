import { request } from 'node:http';
import {
  DescribeKeyCommand,
  EncryptCommand,
  KMSClient,
  ListKeysCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startControl } from '../src/control.ts';
import { refusal, startKms } from './fixtures/kms.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

async function startControlled() {
  const kms = await startKms({ seed: { keys: [{ aliases: ['alias/seeded'] }] } });
  const control = await startControl(kms.local, { port: 0, onError: () => undefined });
  onTestFinished(() => control.close());
  const post = async (path: string, body: string, headers: Record<string, string> = JSON_TYPE) =>
    (await fetch(`${control.url}${path}`, { method: 'POST', body, headers })).status;
  return { ...kms, control, post };
}

/** `fetch` writes the Host header itself. */
function postAs(host: string, url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers: { ...JSON_TYPE, host } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    });
    sent.on('error', reject);
    sent.end('{}');
  });
}

describe('the control of a KMS over HTTP', () => {
  test('resets it to its seed', async () => {
    const { client, createKey, local, post } = await startControlled();
    await createKey();
    expect(await post('/reset', '{}')).toBe(204);
    expect(local.auditEvents()).toEqual([]);
    expect((await client.send(new ListKeysCommand())).Keys).toHaveLength(1);
  });

  test('moves its clock, and what was due by then has happened', async () => {
    const { client, createKey, post } = await startControlled();
    const KeyId = await createKey();
    await client.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
    expect(await post('/clock', JSON.stringify({ advanceMs: 7 * 86_400_000 }))).toBe(204);
    expect(await refusal(client.send(new DescribeKeyCommand({ KeyId })))).toBe('NotFoundException');
  });

  test.each([
    '',
    '{}',
    '[]',
    '{"advanceMs":-1}',
    '{"advanceMs":1e15}',
    '{"advanceMs":"1"}',
    '{"advanceMs":1,"x":1}',
  ])('takes no other move: %s', async (body) => {
    expect(await (await startControlled()).post('/clock', body)).toBe(400);
  });

  test('moves its clock no farther than a thousand years', async () => {
    const { createKey, post } = await startControlled();
    const century = JSON.stringify({ advanceMs: 36_525 * 86_400_000 });
    for (let i = 0; i < 10; i += 1) expect(await post('/clock', century)).toBe(204);
    expect(await post('/clock', '{"advanceMs":1}')).toBe(400);
    await createKey();
    expect(await post('/reset', '{}')).toBe(204);
    expect(await post('/clock', century)).toBe(204);
  });

  test('refuses what a web page can send, and what is sent to another name', async () => {
    const { control, createKey, client, post } = await startControlled();
    const KeyId = await createKey();
    expect(await post('/reset', '{}', {})).toBe(403);
    expect(await post('/reset', '{}', { 'content-type': 'application/x-www-form-urlencoded' })).toBe(403);
    for (const host of ['attacker.example', '127.0.0.1.attacker.example:80']) {
      expect(await postAs(host, `${control.url}/reset`)).toBe(403);
    }
    expect(await refusal(client.send(new DescribeKeyCommand({ KeyId })))).toBe('no exception');
  });

  test('is no KMS, and a KMS is no control', async () => {
    const { control, createKey, url } = await startControlled();
    const credentials = { accessKeyId: 'tests', secretAccessKey: 'tests' };
    const astray = new KMSClient({
      region: 'eu-north-1',
      endpoint: control.url,
      credentials,
      maxAttempts: 1,
    });
    onTestFinished(() => astray.destroy());
    const KeyId = await createKey();
    expect(await refusal(astray.send(new EncryptCommand({ KeyId, Plaintext: new Uint8Array(1) })))).not.toBe(
      'no exception',
    );
    for (const path of ['/reset', '/clock']) {
      const answer = await fetch(`${url}${path}`, { method: 'POST', body: '{}', headers: JSON_TYPE });
      expect(await answer.json()).toMatchObject({ __type: 'UnknownOperationException' });
    }
  });
});
