import assert from 'node:assert/strict';
import { assertException, assertSuccess } from '../assertions.ts';
import { type Check, checks } from '../check.ts';
import type { Answer, Changes, HeaderList, XksClient } from '../client.ts';
import { UNOPENABLE } from '../sealed.ts';
import type { Credential } from '../target.ts';

/** SigV4. Each refusal is an AuthenticationFailedException, for each of the four operations. */
export const authenticationChecks: readonly Check[] = [
  ...checks('Appendix A', {
    'accepts a signature over more headers than host and date': async (client) => {
      const headers = { host: client.target.host, 'content-type': 'application/json' };
      assertSuccess(await client.getHealthStatus({}, { sign: { headers } }));
    },
    'fails a signature that does not cover the host': async (client) => {
      const unbound = { sign: { headers: { 'content-type': 'application/json' } } };
      await assertRefused(client, { ...unbound, headers: set('Host', client.target.host) });
      await assertRefused(client, { ...unbound, headers: set('Host', 'elsewhere.example.com') });
    },
    'fails a signature that does not cover the date': async (client) => {
      await assertRefused(client, { sign: { signsDate: false } });
    },
    'fails a wrong secret': async (client) => {
      await assertRefused(client, { sign: { credential: wrongSecret(client) } });
    },
    'fails an unknown access key id, of 20, 30 and 52 characters': async (client) => {
      const { secretAccessKey } = client.target.credential;
      for (const length of [20, 30, 52]) {
        const credential = { accessKeyId: 'UNKNOWN2'.repeat(7).slice(0, length), secretAccessKey };
        await assertRefused(client, { sign: { credential } });
      }
    },
    'fails a scope of another service': async (client) => {
      await assertRefused(client, { sign: { service: 'kms' } });
    },
    'fails a request without an Authorization header': async (client) => {
      await assertRefused(client, {
        headers: (headers) => headers.filter(([name]) => name !== 'Authorization'),
      });
    },
    'fails an Authorization header of another algorithm or shape': async (client) => {
      const patterns: readonly (readonly [RegExp, string])[] = [
        [/^AWS4-HMAC-SHA256/, 'AWS4-HMAC-SHA1'],
        [/^AWS4-HMAC-SHA256 .*$/, 'Bearer token'],
        [/, SignedHeaders=[^,]*/, ''],
        [/aws4_request/, 'aws5_request'],
        [/Signature=.*$/, 'Signature='],
        [/Signature=(.).*$/, 'Signature=$1'],
        [/Signature=.{64}$/, `Signature=${'0'.repeat(64)}`],
      ];
      for (const [pattern, replacement] of patterns) {
        await assertRefused(client, {
          headers: (headers) =>
            headers.map(([name, value]) => [
              name,
              name === 'Authorization' ? value.replace(pattern, replacement) : value,
            ]),
        });
      }
    },
    'fails a body that was changed after signing': async (client) => {
      const body = Buffer.from('{"requestMetadata":{"kmsOperation":"Other","kmsRequestId":"other"}}');
      await assertRefused(client, { body });
    },
    'fails a request with two Authorization headers, or two dates': async (client) => {
      for (const twice of ['Authorization', 'X-Amz-Date']) {
        await assertNotServed(client, {
          headers: (headers) => [...headers, ...headers.filter(([name]) => name === twice)],
        });
      }
    },
    'fails an unsigned payload': async (client) => {
      const declared = { host: client.target.host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' };
      const body = Buffer.from('{"requestMetadata":{"kmsOperation":"Other","kmsRequestId":"other"}}');
      const headers: Changes['headers'] = (list) => [...list, ['X-Amz-Content-Sha256', 'UNSIGNED-PAYLOAD']];
      await assertRefused(client, { sign: { headers: declared }, body, headers });
    },
    'fails a path that was changed after signing': async (client) => {
      const { keys, uriPath } = client.target;
      await assertRefused(client, { sign: { path: `${uriPath}/keys/${keys.unknown}/metadata` } });
    },
    'fails a host that was changed after signing': async (client) => {
      await assertRefused(client, { headers: set('Host', 'elsewhere.example.com') });
    },
    'fails a date that was changed after signing': async (client) => {
      const otherDate = new Date(Date.now() - 1000).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
      await assertRefused(client, { headers: set('X-Amz-Date', otherDate) });
    },
    'fails a query that was appended after signing': async (client) => {
      await assertNotServed(client, { path: (path) => `${path}?a=b` });
    },
    'fails a request of yesterday, and one of tomorrow': async (client) => {
      for (const hours of [-24, 24]) {
        await assertRefused(client, { sign: { date: minutesFromNow(hours * 60) } });
      }
    },
    'authenticates before it looks at the body': async (client) => {
      await assertRefused(client, { sign: { credential: wrongSecret(client) }, body: Buffer.from('{') });
    },
  }),
  ...checks(
    'Appendix A',
    {
      'fails a scope of a region that it does not serve': async (client) => {
        await assertRefused(client, { sign: { region: 'xx-nowhere-9' } });
      },
      'accepts a clock that is four and a half minutes off': async (client) => {
        for (const minutes of [-4.5, 4.5]) {
          assertSuccess(await client.getHealthStatus({}, { sign: { date: minutesFromNow(minutes) } }));
        }
      },
      'fails a request from more than five minutes ago, or ahead': async (client) => {
        for (const minutes of [-5.5, 5.5]) {
          await assertRefused(client, { sign: { date: minutesFromNow(minutes) } });
        }
      },
    },
    'SHOULD',
  ),
];

async function assertRefused(client: XksClient, changes: Changes): Promise<void> {
  for (const answer of await everyOperation(client, changes)) {
    assertException(answer, 'AuthenticationFailedException');
  }
}

/** Expects a refusal that a server may make before it checks a signature, and in its own words. */
async function assertNotServed(client: XksClient, changes: Changes): Promise<void> {
  for (const { status, text } of await everyOperation(client, changes)) {
    assert.notEqual(status, 200, 'the request was served');
    assert.doesNotMatch(text, /InvalidCiphertextException/, 'the ciphertext was looked at');
  }
}

/** Runs for all operations: each may have a verification of its own. */
async function everyOperation(
  { target: { keys }, ...client }: XksClient,
  changes: Changes,
): Promise<readonly Answer[]> {
  return [
    await client.getHealthStatus({}, changes),
    await client.getKeyMetadata(keys.enabled, {}, changes),
    await client.encrypt(keys.enabled, {}, changes),
    await client.decrypt(keys.enabled, UNOPENABLE, changes),
  ];
}

function wrongSecret({ target }: XksClient): Credential {
  return { accessKeyId: target.credential.accessKeyId, secretAccessKey: 'x'.repeat(44) };
}

function set(name: string, value: string): (headers: HeaderList) => HeaderList {
  return (headers) => headers.map(([key, old]) => [key, key === name ? value : old]);
}

function minutesFromNow(minutes: number): Date {
  return new Date(Date.now() + minutes * 60_000);
}
