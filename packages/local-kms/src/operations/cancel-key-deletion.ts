import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertState } from '../keys/key-state.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Takes a scheduled deletion back. The key is disabled then. */
export const cancelKeyDeletion = operation({
  input: z.object({ KeyId: keyId }),
  run({ KeyId }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    assertState(call, key, 'cancelDeletion');
    call.keys.update(key.id, { deletion: undefined, enabled: false });
    return { KeyId: key.arn };
  },
});
