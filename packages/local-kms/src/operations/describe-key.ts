import { z } from 'zod';
import { keyWithId } from '../keys/key-id.ts';
import { keyMetadata } from '../keys/key-metadata.ts';
import { grantTokens, keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Everything about a key but its material. */
export const describeKey = operation({
  input: z.object({ KeyId: keyId, GrantTokens: grantTokens }),
  run: ({ KeyId }, call) => ({ KeyMetadata: keyMetadata(call, keyWithId(call, KeyId)) }),
});
