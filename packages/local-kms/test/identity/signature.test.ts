import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { verifySignature } from '../../src/identity/signature.ts';
import { KmsException } from '../../src/kms-exception.ts';
import { rootCaller } from '../../src/policy/caller.ts';

const NOW = new Date('2026-06-01T12:00:00Z');
const SECRET = 'a-secret-of-the-tests';
const caller = rootCaller({ partition: 'aws', region: 'eu-north-1', accountId: '111122223333' });
const accessKeys = new Map([
  ['LONG', { secretAccessKey: SECRET, sessionToken: undefined, caller }],
  ['TEMPORARY', { secretAccessKey: SECRET, sessionToken: 'token', caller }],
]);

interface Draft {
  readonly accessKeyId: string;
  readonly secret: string;
  readonly date: string;
  readonly day: string;
  readonly region: string;
  readonly service: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signed: readonly string[];
  readonly body: string;
}

const DRAFT: Draft = {
  accessKeyId: 'LONG',
  secret: SECRET,
  date: '20260601T120000Z',
  day: '20260601',
  region: 'eu-north-1',
  service: 'kms',
  headers: { host: 'localhost', 'x-amz-target': 'TrentService.ListKeys', 'user-agent': 'a  b ' },
  signed: ['host', 'user-agent', 'x-amz-date', 'x-amz-target'],
  body: '{}',
};

function hmac(key: string | Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

function sha256(data: string): string {
  return createHash('sha256').update(data).digest('hex');
}

/** Signs as the specification of Signature Version 4 says; returns the headers of the request. */
function sign(change: Partial<Draft> = {}): Record<string, string[]> {
  const { accessKeyId, secret, date, day, region, service, signed, body, ...draft } = { ...DRAFT, ...change };
  const headers: Record<string, string> = { ...draft.headers, 'x-amz-date': date };
  const lines = signed.map((name) => `${name}:${(headers[name] ?? '').trim().replace(/ +/g, ' ')}\n`);
  const canonical = `POST\n/\n\n${lines.join('')}\n${signed.join(';')}\n${sha256(body)}`;
  const scope = `${day}/${region}/${service}/aws4_request`;
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, day), region), service), 'aws4_request');
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonical)}`).toString('hex');
  const authorization =
    `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, ` +
    `SignedHeaders=${signed.join(';')}, Signature=${signature}`;
  const all = Object.entries({ ...headers, authorization });
  return Object.fromEntries(all.map(([name, value]) => [name, [value]]));
}

/** The code of the exception, or whose key it was. */
function outcome(headers: Record<string, string[]>, body = '{}'): string {
  try {
    const request = { headers, body: Buffer.from(body) };
    return verifySignature(request, (id) => accessKeys.get(id), NOW).caller.arn;
  } catch (error) {
    return error instanceof KmsException ? error.code : 'another error';
  }
}

const changed = (name: string, ...values: readonly string[]) => ({ ...sign(), [name]: [...values] });
const without = (...names: readonly string[]) =>
  Object.fromEntries(Object.entries(sign()).filter(([name]) => !names.includes(name)));
const authorization = (edit: (text: string) => string) =>
  changed('authorization', edit(sign()['authorization']?.[0] ?? ''));

describe('a signature', () => {
  test('names the holder of the access key', () => {
    expect(outcome(sign())).toBe(caller.arn);
    expect(outcome(sign({ body: '' }), '')).toBe(caller.arn);
  });

  test('of temporary credentials comes with their token', () => {
    const draft = {
      accessKeyId: 'TEMPORARY',
      headers: { ...DRAFT.headers, 'x-amz-security-token': 'token' },
      signed: ['host', 'x-amz-date', 'x-amz-security-token', 'x-amz-target'],
    };
    expect(outcome(sign(draft))).toBe(caller.arn);
    const other = { ...draft, headers: { ...draft.headers, 'x-amz-security-token': 'other' } };
    expect(outcome(sign(other))).toBe('UnrecognizedClientException');
    expect(outcome(sign({ ...draft, signed: ['host', 'x-amz-date', 'x-amz-target'] }))).toBe(
      'InvalidSignatureException',
    );
    expect(outcome(sign({ accessKeyId: 'TEMPORARY' }))).toBe('UnrecognizedClientException');
    expect(outcome(sign({ ...draft, accessKeyId: 'LONG' }))).toBe('UnrecognizedClientException');
  });

  test.each([
    ['20260601T115500Z', caller.arn],
    ['20260601T120500Z', caller.arn],
    ['20260601T115459Z', 'InvalidSignatureException'],
    ['20260601T120501Z', 'InvalidSignatureException'],
  ])('of %s is answered with %s', (date, answer) => {
    expect(outcome(sign({ date }))).toBe(answer);
  });

  test.each<[string, string, Record<string, string[]>]>([
    ['MissingAuthenticationToken', 'no signature', without('authorization')],
    ['IncompleteSignatureException', 'two signatures', changed('authorization', 'a', 'b')],
    [
      'IncompleteSignatureException',
      'another signature behind the right one',
      changed('authorization', sign()['authorization']?.[0] ?? '', 'b'),
    ],
    ['IncompleteSignatureException', 'a bearer token', changed('authorization', 'Bearer abc')],
    ['IncompleteSignatureException', 'an empty header', changed('authorization', '')],
    [
      'IncompleteSignatureException',
      'another algorithm',
      authorization((text) => text.replace('SHA256', 'SHA1')),
    ],
    ['IncompleteSignatureException', 'a short signature', authorization((text) => text.slice(0, -1))],
    [
      'IncompleteSignatureException',
      'a capital signature',
      authorization((text) => text.slice(0, -1).concat('F')),
    ],
    [
      'IncompleteSignatureException',
      'a scope of three parts',
      authorization((text) => text.replace('/kms', '')),
    ],
    ['IncompleteSignatureException', 'no date', without('x-amz-date')],
    ['IncompleteSignatureException', 'two dates', changed('x-amz-date', DRAFT.date, DRAFT.date)],
    ['IncompleteSignatureException', 'two hosts', changed('host', 'localhost', 'localhost')],
    ['IncompleteSignatureException', 'a header that is absent', without('user-agent')],
    ['IncompleteSignatureException', 'headers out of order', sign({ signed: [...DRAFT.signed].reverse() })],
    ['IncompleteSignatureException', 'a header twice', sign({ signed: ['host', ...DRAFT.signed] })],
    ['InvalidSignatureException', 'a host outside of it', sign({ signed: DRAFT.signed.slice(1) })],
    ['InvalidSignatureException', 'a target outside of it', sign({ signed: ['host', 'x-amz-date'] })],
    ['InvalidSignatureException', 'a date outside of it', sign({ signed: ['host', 'x-amz-target'] })],
    ['InvalidSignatureException', 'another service', sign({ service: 's3' })],
    ['InvalidSignatureException', 'no Region', sign({ region: 'local' })],
    ['InvalidSignatureException', 'half a Region', sign({ region: 'us-east' })],
    ['InvalidSignatureException', 'another day', sign({ day: '20260602' })],
    ['InvalidSignatureException', 'a date that is none', sign({ date: '20260601' })],
    ['InvalidSignatureException', 'a day that is none', sign({ date: '20269901T120000Z', day: '20269901' })],
    ['InvalidSignatureException', 'another secret', sign({ secret: 'other' })],
    ['InvalidSignatureException', 'another Region', authorization((text) => text.replace('north', 'south'))],
    ['InvalidSignatureException', 'another operation', changed('x-amz-target', 'TrentService.CreateKey')],
    ['InvalidSignatureException', 'another host', changed('host', 'example.com')],
    [
      'InvalidSignatureException',
      'a zero signature',
      authorization((text) => text.replace(/[0-9a-f]{64}$/, '0'.repeat(64))),
    ],
    ['UnrecognizedClientException', 'an unknown key', sign({ accessKeyId: 'NOBODY' })],
    ['UnrecognizedClientException', 'a property of objects', sign({ accessKeyId: 'constructor' })],
  ])('is refused with %s for %s', (code, _what, headers) => {
    expect(outcome(headers)).toBe(code);
  });

  test('names the Region that the request is for', () => {
    const request = { headers: sign({ region: 'us-gov-west-1' }), body: Buffer.from('{}') };
    expect(verifySignature(request, (id) => accessKeys.get(id), NOW).region).toBe('us-gov-west-1');
  });

  test('covers the body', () => {
    expect(outcome(sign(), '{"Limit":1}')).toBe('InvalidSignatureException');
    expect(outcome(sign(), '')).toBe('InvalidSignatureException');
  });
});
