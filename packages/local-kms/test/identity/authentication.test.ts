import { EncryptCommand, KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { describe, expect, onTestFinished, test } from 'vitest';
import { refusal, startKms } from '../fixtures/kms.ts';
import { ACCOUNT, ENABLE_IAM, KEY_ARN, person, startGuardedKms, user } from '../fixtures/people.ts';

const principals = { accounts: { [ACCOUNT]: { users: { danny: person('danny') } } } };
const encrypt = new EncryptCommand({ KeyId: KEY_ARN, Plaintext: Buffer.of(1) });

function strangerAt(url: string, secretAccessKey: string): KMSClient {
  const credentials = { accessKeyId: 'DANNY', secretAccessKey };
  const client = new KMSClient({ region: 'eu-north-1', endpoint: url, credentials, maxAttempts: 1 });
  onTestFinished(() => client.destroy());
  return client;
}

describe('enforced authentication', () => {
  test('refuses unsigned requests, unknown keys and wrong secrets', async () => {
    const { url, client } = await startGuardedKms(principals, [ENABLE_IAM]);
    expect(await refusal(client.send(encrypt))).toBe('UnrecognizedClientException');
    expect(await refusal(strangerAt(url, 'wrong').send(encrypt))).toBe('InvalidSignatureException');
    const headers = { 'x-amz-target': 'TrentService.ListKeys' };
    const answer = await fetch(url, { method: 'POST', headers, body: '{}' });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ __type: 'MissingAuthenticationToken' });
  });

  test('tells who was refused what, in the words of AWS', async () => {
    const { as } = await startGuardedKms(principals, [ENABLE_IAM]);
    await expect(as('danny').send(encrypt)).rejects.toMatchObject({
      name: 'AccessDeniedException',
      $metadata: { httpStatusCode: 400 },
      message:
        `User: ${user('danny')} is not authorized to perform: kms:Encrypt on resource: ${KEY_ARN} ` +
        'because no identity-based policy allows the kms:Encrypt action',
    });
  });

  test('goes by the time of this machine, however far the clock is moved', async () => {
    const { as, local } = await startGuardedKms(principals, [ENABLE_IAM]);
    local.advanceClock(86_400_000);
    expect(await refusal(as('danny').send(encrypt))).toBe('AccessDeniedException');
  });

  test('logs the caller', async () => {
    const { as, records } = await startGuardedKms(principals, [ENABLE_IAM]);
    await refusal(as('danny').send(encrypt));
    expect(records.at(-1)).toMatchObject({ principal: user('danny'), errorName: 'AccessDeniedException' });
  });
});

describe('logged authentication', () => {
  test('refuses nothing, and logs what it would have refused', async () => {
    const { as, url, records } = await startGuardedKms(principals, [ENABLE_IAM], { auth: 'log' });
    expect(await refusal(as('danny').send(encrypt))).toBe('no exception');
    expect(await refusal(strangerAt(url, 'wrong').send(encrypt))).toBe('no exception');
    const refused = records.filter((record) => record.event === 'refusal');
    expect(refused).toMatchObject([
      { principal: user('danny'), action: 'kms:Encrypt', resource: KEY_ARN },
      { event: 'refusal' },
    ]);
    expect(refused[1]?.why).toMatch(/^InvalidSignatureException/);
  });
});

test('logged authorization lets a request with the token of no grant pass', async () => {
  const { as, records } = await startGuardedKms(principals, [ENABLE_IAM], { auth: 'log' });
  const withToken = new EncryptCommand({ KeyId: KEY_ARN, Plaintext: Buffer.of(1), GrantTokens: ['AAAA'] });
  expect(await refusal(as('danny').send(withToken))).toBe('no exception');
  const refused = records.filter((record) => record.event === 'refusal');
  expect(refused).toMatchObject([{ principal: user('danny'), action: 'kms:Encrypt', resource: KEY_ARN }]);
  expect(refused[0]?.why).toMatch(/^InvalidGrantTokenException/);
});

test('without authentication everybody is the root user', async () => {
  const { client } = await startKms();
  expect(await refusal(client.send(new ListKeysCommand()))).toBe('no exception');
});
