import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  ImportKeyMaterialCommand,
  ListKeysCommand,
  TagResourceCommand,
} from '@aws-sdk/client-kms';
import type { AuditEvent } from '@holdfast/local-kms';
import { describe, expect, test } from 'vitest';
import { createAuditTrail } from '../../src/audit/trail.ts';
import { present, refusal, startKms } from '../fixtures/kms.ts';
import {
  ACCOUNT,
  allow,
  ENABLE_IAM,
  KEY_ARN,
  KEY_ID,
  person,
  startGuardedKms,
  user,
} from '../fixtures/people.ts';

const PLAINTEXT = Buffer.from('a plaintext that no event has');

function startAudited() {
  const events: AuditEvent[] = [];
  const users = { alana: person('alana', allow('kms:*')), danny: person('danny') };
  const options = { audit: (event: AuditEvent) => void events.push(event) };
  return startGuardedKms({ accounts: { [ACCOUNT]: { users } } }, [ENABLE_IAM], options).then((kms) => ({
    ...kms,
    events,
  }));
}

describe('the audit', () => {
  test('has an event in the form of CloudTrail for every call', async () => {
    const { as, events } = await startAudited();
    const EncryptionContext = { team: 'a' };
    const encrypt = new EncryptCommand({ KeyId: 'alias/orders', Plaintext: PLAINTEXT, EncryptionContext });
    const { $metadata } = await as('alana').send(encrypt);
    expect(events[0]?.eventTime).toMatch(/^\d{4}-.*Z$/);
    expect(events[0]?.eventID).toMatch(/^[0-9a-f-]{36}$/);
    expect(events[0]?.userAgent).toContain('aws-sdk-js');
    expect(events).toEqual([
      {
        eventVersion: '1.11',
        userIdentity: {
          type: 'IAMUser',
          arn: user('alana'),
          accountId: ACCOUNT,
          accessKeyId: 'ALANA',
          userName: 'alana',
        },
        eventTime: present(events[0]).eventTime,
        eventSource: 'kms.amazonaws.com',
        eventName: 'Encrypt',
        awsRegion: 'eu-north-1',
        sourceIPAddress: '127.0.0.1',
        userAgent: present(events[0]).userAgent,
        requestParameters: { keyId: 'alias/orders', encryptionContext: EncryptionContext },
        requestID: $metadata.requestId,
        eventID: present(events[0]).eventID,
        readOnly: true,
        resources: [{ accountId: ACCOUNT, type: 'AWS::KMS::Key', ARN: KEY_ARN }],
        eventType: 'AwsApiCall',
        recipientAccountId: ACCOUNT,
      },
    ]);
  });

  test('tells what was refused, and to whom', async () => {
    const { as, client, events } = await startAudited();
    const encrypt = new EncryptCommand({ KeyId: KEY_ID, Plaintext: PLAINTEXT });
    await refusal(as('danny').send(encrypt));
    await refusal(client.send(encrypt));
    expect(events).toMatchObject([
      {
        userIdentity: { arn: user('danny') },
        errorCode: 'AccessDeniedException',
        resources: [{ ARN: KEY_ARN }],
      },
      { userIdentity: { type: 'Unknown' }, errorCode: 'UnrecognizedClientException', resources: [] },
    ]);
  });

  test('has no plaintext, ciphertext, key material or token in it', async () => {
    const { as, events } = await startAudited();
    const alana = as('alana');
    const { CiphertextBlob } = await alana.send(new EncryptCommand({ KeyId: KEY_ID, Plaintext: PLAINTEXT }));
    const blob = present(CiphertextBlob);
    await alana.send(new DecryptCommand({ CiphertextBlob: blob }));
    const [GrantTokens, ImportToken] = [['a-grant-token'], Buffer.from('an import token')];
    await refusal(alana.send(new DecryptCommand({ CiphertextBlob: blob, GrantTokens })));
    await refusal(
      alana.send(
        new ImportKeyMaterialCommand({ KeyId: KEY_ID, ImportToken, EncryptedKeyMaterial: PLAINTEXT }),
      ),
    );
    expect(events).toHaveLength(4);
    const text = JSON.stringify(events);
    for (const secret of [PLAINTEXT, blob, ImportToken]) {
      expect(text).not.toContain(Buffer.from(secret).toString('base64'));
    }
    expect(text).not.toContain('a-grant-token');
    expect(text).not.toContain('alana-secret');
  });

  test('is found by key and by time', async () => {
    const { as, local } = await startAudited();
    await as('alana').send(new EncryptCommand({ KeyId: KEY_ID, Plaintext: PLAINTEXT }));
    local.advanceClock(3_600_000);
    await as('alana').send(new ListKeysCommand());
    const names = (filter?: object) => local.auditEvents(filter).map(({ eventName }) => eventName);
    expect(names()).toEqual(['Encrypt', 'ListKeys']);
    expect(names({ key: KEY_ID })).toEqual(['Encrypt']);
    expect(names({ key: KEY_ARN })).toEqual(['Encrypt']);
    expect(names({ key: 'another' })).toEqual([]);
    for (const key of ['alias/orders', KEY_ARN.replace(/key\/.*/, 'alias/orders')]) {
      expect(() => names({ key })).toThrow(RangeError);
    }
    expect(names({ since: new Date(Date.now() + 1_800_000) })).toEqual(['ListKeys']);
  });

  test.each([
    ['a member that the operation does not have', (deep: unknown) => ({ Tags: deep })],
    ['a member of a constraint', (deep: unknown) => ({ Constraints: { SourceArns: deep } })],
    ['an encryption context', (deep: unknown) => ({ EncryptionContext: { a: deep } })],
  ])('has an event however deep the request goes in %s', async (_title, membersWith) => {
    const { client, url, local, createKey } = await startKms();
    const KeyId = await createKey();
    const members = {
      KeyId,
      GranteePrincipal: user('danny'),
      Operations: ['Encrypt'],
      ...membersWith('DEEP'),
    };
    const body = JSON.stringify(members).replace('"DEEP"', '['.repeat(200_000) + ']'.repeat(200_000));
    for (const operation of ['DisableKey', 'CreateGrant', 'Encrypt']) {
      const headers = { 'x-amz-target': `TrentService.${operation}` };
      const { status } = await fetch(url, { method: 'POST', headers, body });
      expect([200, 400]).toContain(status);
      expect(local.auditEvents().at(-1)?.eventName).toBe(operation);
    }
    const { KeyMetadata } = await client.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata?.Enabled).toBe(false);
  });

  test('tells of no parameters of more than 100 KB, as CloudTrail does', async () => {
    const { as, events } = await startAudited();
    for (const length of [99_000, 101_000]) {
      const Tags = [{ TagKey: 'x'.repeat(length), TagValue: '' }];
      await refusal(as('alana').send(new TagResourceCommand({ KeyId: KEY_ID, Tags })));
    }
    expect(events[0]?.requestParameters).toMatchObject({ keyId: KEY_ID });
    expect(events[1]?.requestParameters).toEqual({ omitted: true });
  });

  test('keeps the last events', async () => {
    const { as, events } = await startAudited();
    await as('alana').send(new ListKeysCommand());
    const event = present(events[0]);
    const trail = createAuditTrail(3);
    const kept = () => trail.find().map(({ requestID }) => requestID);
    for (let i = 0; i < 2; i += 1) trail.record({ ...event, requestID: String(i) });
    expect(kept()).toEqual(['0', '1']);
    for (let i = 2; i < 8; i += 1) trail.record({ ...event, requestID: String(i) });
    expect(kept()).toEqual(['5', '6', '7']);
    trail.clear();
    expect(kept()).toEqual([]);
  });
});
