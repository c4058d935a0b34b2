import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { trackedFrom } from '../keys/last-uses.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { toTimestamp } from '../protocol/time.ts';

/** What a key was last used for, in this Region. */
export const getKeyLastUsage = operation({
  input: z.object({ KeyId: keyId }),
  run({ KeyId }, call) {
    const key = keyWithIdNotAlias(call, KeyId);
    const use = call.lastUses.ofKey(key.id);
    return {
      KeyId: key.id,
      KeyLastUsage: use
        ? {
            Operation: use.operation,
            Timestamp: toTimestamp(use.at),
            CloudTrailEventId: use.eventId,
            KmsRequestId: use.requestId,
          }
        : {},
      TrackingStartDate: toTimestamp(trackedFrom(call.lastUses, key)),
      KeyCreationDate: toTimestamp(key.createdAt),
    };
  },
});
