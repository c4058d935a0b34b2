import { z } from 'zod';
import type { CustomKeyStore } from '../../key-stores/custom-key-stores.ts';
import { xksCredential } from '../../xks/credential.ts';
import { CONNECTION_ERROR_CODES } from '../../xks/failures.ts';
import { createXksMetrics } from '../../xks/metrics.ts';
import type { RecordKind } from '../records.ts';
import { storedBytes, storedTime } from './stored.ts';

/** The custom key stores of a Region by their ids, with the secrets of their credentials. Metrics begin anew. */
export const customKeyStoreKind: RecordKind<CustomKeyStore> = {
  name: 'custom-key-store',
  toStored: ({ proxy: { host, path, credential }, createdAt, ...store }) => ({
    ...store,
    createdAt: createdAt.getTime(),
    proxy: { host, path, accessKeyId: credential.accessKeyId, secret: credential.exportSecret() },
  }),
  fromStored(stored) {
    const { proxy, ...store } = storeSchema.parse(stored);
    const { host, path, accessKeyId, secret } = proxy;
    const credential = xksCredential(accessKeyId, Buffer.from(secret).toString('utf8'));
    return { ...store, proxy: { host, path, credential, metrics: createXksMetrics() } };
  },
};

const storeSchema = z.strictObject({
  id: z.string(),
  createdAt: storedTime,
  name: z.string(),
  proxy: z.strictObject({ host: z.string(), path: z.string(), accessKeyId: z.string(), secret: storedBytes }),
  connection: z.union([
    z.strictObject({ state: z.enum(['DISCONNECTED', 'CONNECTING', 'CONNECTED']) }),
    z.strictObject({ state: z.literal('FAILED'), errorCode: z.enum(CONNECTION_ERROR_CODES) }),
  ]),
});
