import { z } from 'zod';
import { keyWithIdNotAlias } from '../key-id.ts';
import { keyId } from '../members.ts';
import { operation } from '../operation.ts';

/** Lets a key be used again. */
export const enableKey = operation({
  input: z.object({ KeyId: keyId }),
  run({ KeyId }, call) {
    call.keys.setEnabled(keyWithIdNotAlias(call, KeyId), true);
    return {};
  },
});
