import { z } from 'zod';
import { KmsException } from '../kms-exception.ts';
import { customKeyStoreId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Forgets a disconnected external key store that holds no keys. */
export const deleteCustomKeyStore = operation({
  onAccount: true,
  input: z.object({ CustomKeyStoreId: customKeyStoreId }),
  run({ CustomKeyStoreId }, { customKeyStores, keys }) {
    const { id, connection } = customKeyStores.withId(CustomKeyStoreId);
    if (keys.inCustomKeyStore(id).length > 0) {
      throw new KmsException('CustomKeyStoreHasCMKsException', 'The custom key store still holds keys.');
    }
    if (connection.state !== 'DISCONNECTED') {
      throw new KmsException('CustomKeyStoreInvalidStateException', 'Disconnect the custom key store first.');
    }
    customKeyStores.delete(id);
    return {};
  },
});
