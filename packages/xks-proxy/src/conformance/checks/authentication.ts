import assert from 'node:assert/strict';
import { assertException, assertSuccess } from '../assertions.ts';
import { type Check, checks } from '../check.ts';
import type { Changes, HeaderList, XksClient } from '../client.ts';

/** SigV4. Every refusal is an AuthenticationFailedException. */
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
    'fails a wrong secret on every operation': async ({ target, ...client }) => {
      const { accessKeyId } = target.credential;
      const wrong = { sign: { credential: { accessKeyId, secretAccessKey: 'x'.repeat(44) } } };
      const answers = [
        await client.getHealthStatus({}, wrong),
        await client.getKeyMetadata(target.keys.enabled, {}, wrong),
        await client.encrypt(target.keys.enabled, {}, wrong),
        await client.decrypt(target.keys.enabled, { ciphertext: 'AAAA' }, wrong),
      ];
      for (const answer of answers) assertException(answer, 'AuthenticationFailedException');
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
        const { status } = await client.getHealthStatus(
          {},
          { headers: (headers) => [...headers, ...headers.filter(([name]) => name === twice)] },
        );
        assert.notEqual(status, 200, `${twice} came twice`);
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
      const answer = await client.getKeyMetadata(
        keys.unknown,
        {},
        { path: `${uriPath}/keys/${keys.enabled}/metadata` },
      );
      assertException(answer, 'AuthenticationFailedException');
    },
    'fails a host that was changed after signing': async (client) => {
      await assertRefused(client, { headers: set('Host', 'elsewhere.example.com') });
    },
    'fails a date that was changed after signing': async (client) => {
      const otherDate = new Date(Date.now() - 1000).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');
      await assertRefused(client, { headers: set('X-Amz-Date', otherDate) });
    },
    'fails a query that was appended after signing': async (client) => {
      const { status } = await client.getHealthStatus({}, { path: `${client.target.uriPath}/health?a=b` });
      assert.notEqual(status, 200);
    },
    'fails a request of yesterday, and one of tomorrow': async (client) => {
      for (const hours of [-24, 24]) {
        await assertRefused(client, { sign: { date: minutesFromNow(hours * 60) } });
      }
    },
    'authenticates before it looks at the body': async (client) => {
      const { accessKeyId } = client.target.credential;
      const sign = { credential: { accessKeyId, secretAccessKey: 'x'.repeat(44) } };
      const answer = await client.post('/health', Buffer.from('{'), { sign });
      assertException(answer, 'AuthenticationFailedException');
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
  assertException(await client.getHealthStatus({}, changes), 'AuthenticationFailedException');
}

function set(name: string, value: string): (headers: HeaderList) => HeaderList {
  return (headers) => headers.map(([key, old]) => [key, key === name ? value : old]);
}

function minutesFromNow(minutes: number): Date {
  return new Date(Date.now() + minutes * 60_000);
}
