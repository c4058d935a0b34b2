import { z } from 'zod';
import { daysAfter } from '../clock.ts';
import { waitsForReplicas } from '../keys/deletion.ts';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertState } from '../keys/key-state.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { toTimestamp } from '../protocol/time.ts';

/** Keeps a key from being used and deletes it after a waiting period, in which that can be taken back. */
export const scheduleKeyDeletion = operation({
  input: z.object({ KeyId: keyId, PendingWindowInDays: z.int().min(7).max(30).default(30) }),
  run({ KeyId, PendingWindowInDays }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    assertState(call, key, 'change');
    const waits = waitsForReplicas(call.account, key);
    const at = waits ? undefined : daysAfter(call.account.clock.now(), PendingWindowInDays);
    call.keys.update(key.id, { deletion: { windowDays: PendingWindowInDays, at } });
    return {
      KeyId: key.arn,
      DeletionDate: at && toTimestamp(at),
      KeyState: waits ? 'PendingReplicaDeletion' : 'PendingDeletion',
      PendingWindowInDays,
    };
  },
});
