import { keyUsages, storeKey } from '../stores.ts';
import type { Operation } from './operation.ts';

/** Type, usages and status of an external key (XKS API v1, "GetKeyMetadata"). */
export const getKeyMetadata: Operation = {
  name: 'GetKeyMetadata',
  requiredMetadata: ['awsPrincipalArn', 'kmsOperation', 'kmsRequestId'],

  async run(_body, { store, externalKeyId, device }) {
    const key = storeKey(store, externalKeyId);
    return { keySpec: 'AES_256', keyUsage: keyUsages(key, device.key(key.label)), keyStatus: key.status };
  },
};
