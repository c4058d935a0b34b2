import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Keeps a key from being used; what it encrypted can be opened again once it is enabled. */
export const disableKey = operation({
  input: z.object({ KeyId: keyId }),
  run({ KeyId }, call) {
    call.keys.setEnabled(keyWithIdNotAlias(call, KeyId), false);
    return {};
  },
});
