import { z } from 'zod';
import { KmsException } from '../kms-exception.ts';
import { customKeyStoreId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Disconnects an external key store: until it is connected again, its keys are unavailable. */
export const disconnectCustomKeyStore = operation({
  onAccount: true,
  input: z.object({ CustomKeyStoreId: customKeyStoreId }),
  run({ CustomKeyStoreId }, { customKeyStores }) {
    const { id, connection } = customKeyStores.withId(CustomKeyStoreId);
    if (connection.state === 'DISCONNECTED') {
      throw new KmsException('CustomKeyStoreInvalidStateException', 'The custom key store is not connected.');
    }
    customKeyStores.setConnection(id, { state: 'DISCONNECTED' });
    return {};
  },
});
