import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertState } from '../keys/key-state.ts';
import { description, keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Replaces the description of a key. */
export const updateKeyDescription = operation({
  input: z.object({ KeyId: keyId, Description: description }),
  run({ KeyId, Description }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    assertState(call, key, 'change');
    call.keys.update(key.id, { description: Description });
    return {};
  },
});
