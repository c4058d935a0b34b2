import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertState } from '../keys/key-state.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Keeps a key from being used; what it encrypted can be opened again once it is enabled. */
export const disableKey = operation({
  input: z.object({ KeyId: keyId }),
  run({ KeyId }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    assertState(call, key, 'switchOnOrOff');
    call.keys.update(key.id, { enabled: false });
    return {};
  },
});
