import { z } from 'zod';
import { keyWithIdNotAlias } from '../key-id.ts';
import { keyId } from '../members.ts';
import { operation } from '../operation.ts';

/** Keeps a key from being used; what it encrypted can be opened again once it is enabled. */
export const disableKey = operation({
  input: z.object({ KeyId: keyId }),
  run({ KeyId }, call) {
    call.keys.setEnabled(keyWithIdNotAlias(call, KeyId), false);
    return {};
  },
});
