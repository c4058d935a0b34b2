import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Lets a key be used again. */
export const enableKey = operation({
  input: z.object({ KeyId: keyId }),
  run({ KeyId }, call) {
    call.keys.setEnabled(keyWithIdNotAlias(call, KeyId), true);
    return {};
  },
});
