import { z } from 'zod';
import type { CustomKeyStore } from '../key-stores/custom-key-stores.ts';
import { KmsException } from '../kms-exception.ts';
import { customKeyStoreId, customKeyStoreName, limit, marker } from '../protocol/members.ts';
import { type Output, operation } from '../protocol/operation.ts';
import { type PageEnd, pageOf } from '../protocol/pages.ts';
import { toTimestamp } from '../protocol/time.ts';

/** The custom key stores, page by page, or the one with an id or a name. */
export const describeCustomKeyStores = operation({
  onAccount: true,
  input: z.object({
    CustomKeyStoreId: customKeyStoreId.optional(),
    CustomKeyStoreName: customKeyStoreName.optional(),
    Limit: limit({ default: 100, max: 1000 }),
    Marker: marker,
  }),
  run({ CustomKeyStoreId, CustomKeyStoreName, Limit, Marker }, { customKeyStores }) {
    if (CustomKeyStoreId !== undefined && CustomKeyStoreName !== undefined) {
      throw new KmsException(
        'ValidationException',
        'Name the custom key store by its id or by its name, not both.',
      );
    }
    if (CustomKeyStoreId !== undefined) return answer([customKeyStores.withId(CustomKeyStoreId)]);
    if (CustomKeyStoreName !== undefined) return answer([customKeyStores.withName(CustomKeyStoreName)]);
    const page = { limit: Limit, marker: Marker };
    const { entries, end } = pageOf('DescribeCustomKeyStores', customKeyStores.list(), ({ id }) => id, page);
    return answer(entries, end);
  },
});

function answer(stores: readonly CustomKeyStore[], end: PageEnd = { Truncated: false }): Output {
  return { CustomKeyStores: stores.map(describe), ...end };
}

function describe({ id, name, createdAt, connection, proxy }: CustomKeyStore): Output {
  return {
    CustomKeyStoreId: id,
    CustomKeyStoreName: name,
    CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
    ConnectionState: connection.state,
    ...(connection.state === 'FAILED' && { ConnectionErrorCode: connection.errorCode }),
    CreationDate: toTimestamp(createdAt),
    XksProxyConfiguration: {
      Connectivity: 'PUBLIC_ENDPOINT',
      AccessKeyId: proxy.credential.accessKeyId,
      UriEndpoint: `https://${proxy.host}`,
      UriPath: proxy.path,
    },
  };
}
