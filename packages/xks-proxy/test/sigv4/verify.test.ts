import { createHash, createSecretKey } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { signingKeys } from '../../src/sigv4/signing-keys.ts';
import { verifySignature } from '../../src/sigv4/verify.ts';
import {
  add,
  algorithm,
  credential,
  edit,
  remove,
  rename,
  repeat,
  signature,
  signed,
} from '../fixtures/changes.ts';
import { metadata, REGION, type RequestChanges, startTestProxy, type TestProxy } from '../fixtures/proxy.ts';
import { authorization, type SigningInput, timestampOf } from '../fixtures/signed-request.ts';

const PATH = '/acme/kms/xks/v1/keys/orders/metadata';
const BODY = JSON.stringify({ requestMetadata: metadata() });
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

let proxy: TestProxy;
beforeAll(async () => {
  proxy = await startTestProxy();
});
afterAll(() => proxy.close());

const lastRequest = () => proxy.logLines().findLast(({ event }) => event === 'request');

describe('a signature is accepted', () => {
  it.each<[string, RequestChanges]>([
    ['as KMS makes it', {}],
    ['when the clock is 4 minutes 59 ahead', { skewMs: 5 * MINUTE_MS - 1000 }],
    ['when the clock is 4 minutes 58 behind', { skewMs: -(5 * MINUTE_MS - 2000) }],
    ['when more headers are signed', { signing: { signedHeaders: ['content-type', 'host', 'x-amz-date'] } }],
    [
      'without spaces after its commas',
      { headers: edit('authorization', (value) => value.replaceAll(', ', ',')) },
    ],
    ['with the right content hash', { headers: add('X-Amz-Content-Sha256', sha256(BODY)) }],
    ['when its header name is spelled otherwise', { headers: rename('Authorization', 'AUTHORIZATION') }],
    ['when an unsigned header is repeated', { headers: add('X-Forwarded-For', '10.0.0.1', '10.0.0.2') }],
  ])('%s', async (_title, changes) => {
    expect(await proxy.call(PATH, BODY, changes)).toMatchObject({ status: 200 });
  });

  it('of every live credential of the store', async () => {
    const { acmeNext } = proxy.credentials;
    expect(await proxy.call(PATH, BODY, { signing: acmeNext })).toMatchObject({ status: 200 });
    expect(lastRequest()).toMatchObject({ accessKeyId: acmeNext.accessKeyId });
  });

  it('over a chunked body', async () => {
    const chunk = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;
    const headers = rename('Content-Length', 'Transfer-Encoding', 'chunked');
    expect(await proxy.call(PATH, BODY, { sent: { body: chunk }, headers })).toMatchObject({ status: 200 });
  });
});

describe('the clock', () => {
  const credential = { accessKeyId: 'ACMEACMEACMEACMEACME', secretAccessKey: 'x'.repeat(43) };
  const keys = signingKeys(createSecretKey(credential.secretAccessKey, 'utf8'));
  const credentials = new Map([[credential.accessKeyId, keys]]);
  // Six seconds to midnight: within the five minutes the date of the scope changes too.
  const signedAtMs = Date.parse('2026-11-21T23:59:54Z');
  const regions = new Set([REGION, 'us-east-1']);
  const verifyAt = (
    nowMs: number,
    target = PATH,
    changes: Partial<SigningInput> = {},
    unsigned: readonly string[] = [],
  ) => {
    const input = {
      ...credential,
      ...scope(signedAtMs),
      ...changes,
      method: 'POST',
      path: PATH,
      query: '',
      body: BODY,
    };
    const headers: [string, string][] = [
      ['Host', 'localhost'],
      ['X-Amz-Date', input.timestamp],
    ];
    const value = authorization({ ...input, headers, signedHeaders: ['host', 'x-amz-date'] });
    const rawHeaders = [...[...headers, ['Authorization', value]].flat(), ...unsigned];
    const head = { method: 'POST', path: target, rawHeaders };
    return verifySignature(head, { credentials, regions, nowMs })(Buffer.from(BODY));
  };

  it.each([-300_000, -299_000, 0, 299_000, 300_000])('may differ by %d ms', (offsetMs) => {
    expect(verifyAt(signedAtMs + offsetMs)).toBe(credential.accessKeyId);
  });

  it.each([-301_000, -300_001, 300_001, 301_000])('may not differ by %d ms', (offsetMs) => {
    expect(() => verifyAt(signedAtMs + offsetMs)).toThrow(expect.objectContaining({ reason: 'clock-skew' }));
  });

  it.each([
    ['day that the calendar', '20260230T120000Z', '2026-03-02T12:00:00Z'],
    ['hour that the day', '20261121T240000Z', '2026-11-22T00:00:00Z'],
    ['minute that the hour', '20261121T116000Z', '2026-11-21T12:00:00Z'],
    ['second that the minute', '20261121T115960Z', '2026-11-21T12:00:00Z'],
  ])('shows no %s has not', (_title, timestamp, now) => {
    const changes = { timestamp, scopeDate: timestamp.slice(0, 8) };
    expect(() => verifyAt(Date.parse(now), PATH, changes)).toThrow(
      expect.objectContaining({ reason: 'date-malformed' }),
    );
  });

  it.each([
    'Authorization',
    'Content-Encoding',
    'Content-Length',
    'Content-Type',
    'Host',
    'Transfer-Encoding',
    'X-Amz-Content-Sha256',
    'X-Amz-Date',
  ])('and the right credential do not help a request with %s twice, signed or not', (name) => {
    const twice = [name, 'one', name.toLowerCase(), 'two'];
    expect(() => verifyAt(signedAtMs, PATH, {}, twice)).toThrow(
      expect.objectContaining({ reason: 'header-repeated' }),
    );
  });

  it('and the day may be those of signatures from several regions of a store', () => {
    for (const region of [...regions, ...regions]) {
      expect(verifyAt(signedAtMs, PATH, { region })).toBe(credential.accessKeyId);
    }
    expect(() => verifyAt(signedAtMs, PATH, { region: 'eu-west-3' })).toThrow(
      expect.objectContaining({ reason: 'scope-mismatch' }),
    );
  });

  it('and the right credential do not help a signature for another store', () => {
    expect(verifyAt(signedAtMs)).toBe(credential.accessKeyId);
    for (const target of [PATH.replace('/acme', '/other'), PATH.replace('/acme', ''), `/other${PATH}`]) {
      expect(() => verifyAt(signedAtMs, target)).toThrow(
        expect.objectContaining({ reason: 'signature-mismatch' }),
      );
    }
  });
});

describe('a stranger', () => {
  const bodyOf = (length: number) =>
    Buffer.from(JSON.stringify({ requestMetadata: metadata(), padding: 'x'.repeat(length) }));
  // As long as a request of KMS can be.
  const long = bodyOf(20_000);

  it('is refused without a byte reserved for the body, and on a connection that lasts', async () => {
    const reserve = vi.spyOn(Buffer, 'allocUnsafeSlow');
    const strangers: RequestChanges[] = [
      { headers: remove('authorization') },
      { signing: { accessKeyId: 'UNKNOWNUNKNOWNUNKNOWN' } },
      { skewMs: DAY_MS },
    ];
    for (const changes of strangers) {
      const answer = await proxy.call(PATH, long, changes);
      expect(answer).toMatchObject({ status: 401 });
      expect(answer.headers.get('connection')).not.toBe('close');
    }
    expect(reserve.mock.calls.filter(([size]) => size > 20_000)).toEqual([]);
    await expect(proxy.call(PATH, long)).resolves.toMatchObject({ status: 200 });
    expect(reserve.mock.calls.filter(([size]) => size > 20_000)).toHaveLength(1);
    reserve.mockRestore();
  });

  it('is not listened to for longer than a request of KMS is', async () => {
    const longer = await proxy.call(PATH, bodyOf(30_000), { headers: remove('authorization') });
    expect(longer).toMatchObject({ status: 401 });
    expect(longer.headers.get('connection')).toBe('close');
    const headers = [remove('authorization'), edit('content-length', () => '10000000')];
    const answer = await proxy.call(PATH, BODY, {
      headers: (list) => headers.reduce((changed, change) => change(changed), list),
    });
    expect(answer).toMatchObject({ status: 401 });
    expect(answer.headers.get('connection')).toBe('close');
  });
});

describe('a request is refused with 401', () => {
  const zeros = '0'.repeat(64);
  it.each<[string, string, RequestChanges]>([
    ['without Authorization', 'authorization-missing', { headers: remove('authorization') }],
    ['with an empty Authorization', 'authorization-malformed', { headers: edit('authorization', () => '') }],
    ['with two Authorization headers', 'header-repeated', { headers: repeat('authorization') }],
    ['signed with SigV4A', 'authorization-malformed', algorithm('AWS4-ECDSA-P256-SHA256')],
    ['signed with SHA-1', 'authorization-malformed', algorithm('AWS4-HMAC-SHA1')],
    [
      'with a bearer token',
      'authorization-malformed',
      { headers: edit('authorization', () => 'Bearer abc') },
    ],
    ['with a credential of three parts', 'authorization-malformed', credential('$1/$2/$3')],
    ['with a credential of six parts', 'authorization-malformed', credential('$1/$2/$3/$4/$5/more')],
    ['with an empty credential', 'authorization-malformed', credential('')],
    ['with an empty access key id', 'authorization-malformed', credential('/$2/$3/$4/$5')],
    [
      'with an unknown access key id',
      'access-key-unknown',
      { signing: { accessKeyId: 'UNKNOWNUNKNOWNUNKNOWN' } },
    ],
    [
      'with an access key id over 30 characters',
      'access-key-unknown',
      { signing: { accessKeyId: `Invalid${'A'.repeat(45)}` } },
    ],
    [
      'with the wrong secret',
      'signature-mismatch',
      { signing: { secretAccessKey: 'InvalidInvalidInvalidInvalidInvalidInvalid1' } },
    ],
    ['from another region', 'scope-mismatch', { signing: { region: 'us-east-1' } }],
    ['for another service', 'scope-mismatch', { signing: { service: 'kms' } }],
    ['with another terminator', 'scope-mismatch', { signing: { terminator: 'aws5_request' } }],
    ['with a scope of another day', 'scope-mismatch', { signing: { scopeDate: '20200101' } }],
    ['without a date', 'date-malformed', { headers: remove('x-amz-date') }],
    [
      'with a malformed date',
      'date-malformed',
      { signing: { timestamp: '2026-11-21T20:00:00Z', scopeDate: '20261121' } },
    ],
    ['with an impossible date', 'date-malformed', { signing: { timestamp: '20261332T256199Z' } }],
    [
      'with a Date header only',
      'date-malformed',
      { headers: rename('X-Amz-Date', 'Date', new Date().toUTCString()) },
    ],
    ['5 minutes 1 second ahead', 'clock-skew', { skewMs: 5 * MINUTE_MS + 2000 }],
    ['5 minutes 1 second behind', 'clock-skew', { skewMs: -(5 * MINUTE_MS + 1000) }],
    ['a day ahead', 'clock-skew', { skewMs: DAY_MS }],
    ['a day behind', 'clock-skew', { skewMs: -DAY_MS }],
    ['when host is not signed', 'signed-headers-invalid', signed('x-amz-date')],
    ['when x-amz-date is not signed', 'signed-headers-invalid', signed('host')],
    ['when the signed headers are not sorted', 'signed-headers-invalid', signed('x-amz-date', 'host')],
    ['when a signed header is listed twice', 'signed-headers-invalid', signed('host', 'host', 'x-amz-date')],
    [
      'when a signed header is listed in upper case',
      'signed-headers-invalid',
      signed('Host', 'host', 'x-amz-date'),
    ],
    ['when a signed header is absent', 'signed-headers-invalid', signed('host', 'x-absent', 'x-amz-date')],
    [
      'when a signed header is repeated',
      'signed-headers-invalid',
      {
        ...signed('host', 'x-amz-date', 'x-extra'),
        headers: add('X-Extra', 'one', 'two'),
      },
    ],
    [
      'when a signed header was changed',
      'signature-mismatch',
      { headers: edit('host', () => 'example.com') },
    ],
    [
      'when the date was changed',
      'signature-mismatch',
      { headers: edit('x-amz-date', (value) => value.replace(/.Z$/, (end) => (end === '0Z' ? '1Z' : '0Z'))) },
    ],
    ['when Host is doubled', 'header-repeated', { headers: repeat('host') }],
    ['when x-amz-date is doubled', 'header-repeated', { headers: repeat('x-amz-date') }],
    ['without Host', 'signed-headers-invalid', { headers: remove('host') }],
    ['when the body was changed', 'signature-mismatch', { sent: { body: BODY.replace('Alice', 'Mally') } }],
    ['when the body was emptied', 'signature-mismatch', { sent: { body: '' } }],
    ['when the body was truncated', 'signature-mismatch', { sent: { body: BODY.slice(0, -1) } }],
    [
      'when the body was compressed',
      'signature-mismatch',
      { sent: { body: gzipSync(BODY) }, headers: add('Content-Encoding', 'gzip') },
    ],
    ['with a wrong content hash', 'content-hash-mismatch', { headers: add('X-Amz-Content-Sha256', zeros) }],
    [
      'with an unsigned payload',
      'content-hash-mismatch',
      { headers: add('X-Amz-Content-Sha256', 'UNSIGNED-PAYLOAD') },
    ],
    [
      'with a streaming payload',
      'content-hash-mismatch',
      {
        headers: add('X-Amz-Content-Sha256', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'),
      },
    ],
    ...[
      'UNSIGNED-PAYLOAD',
      'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    ].flatMap((payloadHash): [string, string, RequestChanges][] => [
      [
        `signed over ${payloadHash}, and saying so`,
        'content-hash-mismatch',
        { signing: { payloadHash }, headers: add('X-Amz-Content-Sha256', payloadHash) },
      ],
      [`signed over ${payloadHash}`, 'signature-mismatch', { signing: { payloadHash } }],
    ]),
    [
      'when the operation was changed',
      'signature-mismatch',
      { sent: { target: PATH.replace('metadata', 'encrypt') } },
    ],
    [
      'when the external key id was changed',
      'signature-mismatch',
      { sent: { target: PATH.replace('orders', 'disabled') } },
    ],
    [
      'when the method that was signed is another',
      'signature-mismatch',
      { signing: { method: 'PUT' }, sent: { method: 'POST' } },
    ],
    ['when a query was signed', 'signature-mismatch', { signing: { query: 'a=b' } }],
    [
      'sent to a store the credential is not of',
      'access-key-unknown',
      { sent: { target: PATH.replace('/acme', '') } },
    ],
    [
      'signed for a store the credential is not of',
      'access-key-unknown',
      { signing: { path: PATH.replace('/acme', '') }, sent: { target: PATH.replace('/acme', '') } },
    ],
    ['with a short signature', 'authorization-malformed', signature((hex) => hex.slice(2))],
    ['with a long signature', 'authorization-malformed', signature((hex) => `${hex}00`)],
    [
      'with an upper-case signature',
      'authorization-malformed',
      signature((hex) => `A${hex.slice(1).toUpperCase()}`),
    ],
    [
      'with a signature that is not hexadecimal',
      'authorization-malformed',
      signature((hex) => `g${hex.slice(1)}`),
    ],
    ['with a signature of zeros', 'signature-mismatch', signature(() => zeros)],
  ])('%s', async (_title, reason, changes) => {
    const answer = await proxy.call(PATH, BODY, changes);
    expect(answer).toMatchObject({ status: 401, json: { errorName: 'AuthenticationFailedException' } });
    expect(lastRequest()).toMatchObject({ status: 401, reason });
    expect(answer.text).not.toContain(reason);
  });

  it('with the same answer whatever failed', async () => {
    const answers = await Promise.all([
      proxy.call(PATH, BODY, { headers: remove('authorization') }),
      proxy.call(PATH, BODY, { skewMs: DAY_MS }),
      proxy.call(
        PATH,
        BODY,
        signature(() => zeros),
      ),
    ]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
  });
});

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function scope(timeMs: number) {
  const timestamp = timestampOf(timeMs);
  const service = { service: 'kms-xks-proxy', terminator: 'aws4_request', region: REGION };
  return { timestamp, scopeDate: timestamp.slice(0, 8), ...service };
}
