import { z } from 'zod';
import { keyWithId } from '../key-id.ts';
import { keyMetadata } from '../key-metadata.ts';
import { grantTokens, keyId } from '../members.ts';
import { operation } from '../operation.ts';

/** Everything about a key but its material. */
export const describeKey = operation({
  input: z.object({ KeyId: keyId, GrantTokens: grantTokens }),
  run: ({ KeyId }, call) => ({ KeyMetadata: keyMetadata(call, keyWithId(call, KeyId)) }),
});
