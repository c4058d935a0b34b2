import { z } from 'zod';
import { KmsException } from '../kms-exception.ts';
import { customKeyStoreId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Starts to connect an external key store and returns at once; DescribeCustomKeyStores tells what came of it. */
export const connectCustomKeyStore = operation({
  onAccount: true,
  input: z.object({ CustomKeyStoreId: customKeyStoreId }),
  run({ CustomKeyStoreId }, { customKeyStores, connections, xksCaller }) {
    const { id, connection } = customKeyStores.withId(CustomKeyStoreId);
    if (connection.state === 'FAILED') {
      throw new KmsException('CustomKeyStoreInvalidStateException', 'Disconnect the custom key store first.');
    }
    if (connection.state === 'DISCONNECTED') connections.start(id, xksCaller.kmsRequestId);
    return {};
  },
});
