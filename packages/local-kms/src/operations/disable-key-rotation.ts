import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertState } from '../keys/key-state.ts';
import { assertNoReplica, updateRelated } from '../keys/multi-region.ts';
import { assertRotatesAutomatically } from '../keys/rotation.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Has a key keep its material; that of former rotations stays. */
export const disableKeyRotation = operation({
  input: z.object({ KeyId: keyId }),
  run({ KeyId }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    assertRotatesAutomatically(key);
    assertNoReplica(key);
    assertState(call, key, 'rotateOrReplicate');
    updateRelated(call.account, key, { rotation: undefined });
    return {};
  },
});
