import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { KmsException } from '../kms-exception.ts';
import { toBase64 } from '../protocol/base64.ts';
import { customKeyStoreId, numberOfBytes } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Up to 1024 random bytes. */
export const generateRandom = operation({
  onAccount: true,
  input: z.object({ NumberOfBytes: numberOfBytes, CustomKeyStoreId: customKeyStoreId.optional() }),
  unsupported: ['Recipient'],
  run({ NumberOfBytes, CustomKeyStoreId }, { customKeyStores }) {
    if (CustomKeyStoreId !== undefined) {
      const { name } = customKeyStores.withId(CustomKeyStoreId);
      throw new KmsException(
        'UnsupportedOperationException',
        `The external key store ${name} makes no random bytes.`,
      );
    }
    return { Plaintext: toBase64(randomBytes(NumberOfBytes)) };
  },
});
