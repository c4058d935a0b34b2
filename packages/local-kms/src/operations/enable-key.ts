import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertState } from '../keys/key-state.ts';
import { postponeRotation } from '../keys/rotation.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Lets a key be used again. */
export const enableKey = operation({
  input: z.object({ KeyId: keyId }),
  run({ KeyId }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    assertState(call, key, 'switchOnOrOff');
    call.keys.update(key.id, { enabled: true });
    postponeRotation(call.account, key);
    return {};
  },
});
