import assert from 'node:assert/strict';
import { assertException, isDenied } from '../assertions.ts';
import { type Check, checks } from '../check.ts';
import type { Answer } from '../client.ts';
import { requestMetadata } from '../request-metadata.ts';
import { UNOPENABLE } from '../sealed.ts';
import { NotRun } from '../target.ts';

/** URIs, methods and key ids. */
export const uriPathChecks: readonly Check[] = [
  ...checks('API operations', {
    'rejects GET on the URI of every operation with 405': async ({ target, post }) => {
      for (const path of [
        '/health',
        ...OPERATIONS.map((operation) => `/keys/${target.keys.enabled}/${operation}`),
      ]) {
        const empty = new Uint8Array(0);
        const { status } = await post(path, empty, { method: 'GET' });
        assert.equal(status, 405, `GET ${path} was answered with ${status}`);
      }
    },
    'rejects a path that is no operation': async ({ target, post }) => {
      const body = { requestMetadata: requestMetadata('Encrypt', target.caller) };
      const key = target.keys.enabled;
      for (const path of [
        `/keys/${key}/sign`,
        `/keys/${key}`,
        '/keys',
        '/status',
        `/keys/${key}/encrypt/more`,
      ]) {
        assertException(await post(path, body), 'InvalidUriPathException');
      }
    },
    'rejects another version and another prefix': async ({ target, post }) => {
      const body = { requestMetadata: requestMetadata('KmsHealthCheck') };
      const { uriPath } = target;
      for (const path of [uriPath.replace(/v1$/, 'v2'), `/nobody${uriPath}`]) {
        const changed = { path: () => `${path}/health`, sign: { path: `${path}/health` } };
        assertException(await post('/health', body, changed), 'InvalidUriPathException');
      }
    },
    'takes key ids of 128 characters out of letters, digits, hyphen, period and underscore': async ({
      target,
      getKeyMetadata,
    }) => {
      const id = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._'.padEnd(128, 'x');
      // After a long prefix there is no room for all of them.
      const room = MAX_URI_CHARACTERS - `https://${target.host}${target.uriPath}/keys//metadata`.length;
      assertUnknown(await getKeyMetadata(id.slice(0, room)));
    },
    'knows no key that it was not given': async ({ target, ...client }) => {
      const id = target.keys.unknown;
      assertUnknown(
        await client.getKeyMetadata(id),
        await client.encrypt(id),
        await client.decrypt(id, UNOPENABLE),
      );
    },
  }),
  ...checks(
    'API operations',
    {
      'takes no other spelling of a path for the one that it resolves to': async ({
        target,
        getKeyMetadata,
      }) => {
        const { uriPath, host } = target;
        const id = target.keys.enabled;
        const path = `${uriPath}/keys/${id}/metadata`;
        const escapedId = `%${Buffer.from(id.slice(0, 1)).toString('hex')}${id.slice(1)}`;
        const spellings = [
          `${uriPath}/keys/x/../${id}/metadata`,
          `${uriPath}/keys/./${id}/metadata`,
          `${uriPath}/keys/%2e/${id}/metadata`,
          `${uriPath}/keys//${id}/metadata`,
          `/${path}`,
          `${path}/`,
          `${uriPath}/keys/${escapedId}/metadata`,
          path.replace('/keys/', '/keys%2F'),
          path.replace('/keys/', '/keys%5C'),
          path.replace('/keys/', '/%6beys/'),
          path.replace('/kms/', '/KMS/'),
          `${path};v=1`,
          `${path}#fragment`,
          `${path}%00`,
          `https://${host}${path}?`,
        ];
        for (const spelling of spellings) {
          // Signed once as it is sent, and once as the path that it may be taken for.
          for (const signed of [spelling, path]) {
            const changes = { sign: { path: signed }, path: () => spelling };
            const { status } = await getKeyMetadata(id, {}, changes);
            assert.notEqual(status, 200, `POST ${spelling} was taken for ${path}`);
          }
        }
      },
    },
    'SHOULD',
  ),
];

/** Throws {@link NotRun} if a policy denies all of it, which may happen before the key is looked up. */
function assertUnknown(...answers: readonly Answer[]): void {
  const allowed = answers.filter((answer) => !isDenied(answer));
  if (allowed.length === 0) throw new NotRun('needs a policy that allows keys that do not exist');
  for (const answer of allowed) assertException(answer, 'KeyNotFoundException');
}

const MAX_URI_CHARACTERS = 256;
const OPERATIONS = ['metadata', 'encrypt', 'decrypt'] as const;
