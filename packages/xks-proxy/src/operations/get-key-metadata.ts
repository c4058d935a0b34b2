import { currentVersion, keyUsages } from '../config/key-versions.ts';
import { storeKey } from '../stores.ts';
import type { Operation } from './operation.ts';

/** Type, usages and status of an external key (XKS API v1, "GetKeyMetadata"). */
export const getKeyMetadata: Operation = {
  name: 'GetKeyMetadata',
  requiredMetadata: ['awsPrincipalArn', 'kmsOperation', 'kmsRequestId'],
  concernsKey: true,

  async run(_body, { store, externalKeyId, watch, onKeyVersion }) {
    const key = storeKey(store, externalKeyId);
    const { selector, version } = currentVersion(key);
    onKeyVersion(version);
    // KMS asks this before it makes a KMS key: a cached record could vouch for a key that is gone.
    const keyUsage = keyUsages(key, await watch.over(key.device).usages(selector, { fresh: true }));
    return { keySpec: 'AES_256', keyUsage, keyStatus: key.status };
  },
};
