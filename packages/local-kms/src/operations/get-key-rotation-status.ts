import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertRotatable } from '../keys/rotation.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { toTimestamp } from '../protocol/time.ts';

/** Whether a key is rotated automatically, how often and when next. */
export const getKeyRotationStatus = operation({
  input: z.object({ KeyId: keyId }),
  run({ KeyId }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    assertRotatable(key);
    const { rotation, deletion } = key;
    if (!rotation || deletion) return { KeyId: key.id, KeyRotationEnabled: false };
    return {
      KeyId: key.id,
      KeyRotationEnabled: true,
      RotationPeriodInDays: rotation.periodDays,
      NextRotationDate: toTimestamp(rotation.nextAt),
    };
  },
});
