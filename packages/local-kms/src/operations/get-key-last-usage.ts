import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';
import { toTimestamp } from '../protocol/time.ts';

/** What a key was last used for, in this Region. */
export const getKeyLastUsage = operation({
  input: z.object({ KeyId: keyId }),
  run({ KeyId }, call) {
    const { id, createdAt } = keyWithIdNotAlias(call, KeyId);
    const { trackedSince } = call.lastUses;
    const use = call.lastUses.ofKey(id);
    return {
      KeyId: id,
      KeyLastUsage: use
        ? {
            Operation: use.operation,
            Timestamp: toTimestamp(use.at),
            CloudTrailEventId: use.eventId,
            KmsRequestId: use.requestId,
          }
        : {},
      TrackingStartDate: toTimestamp(createdAt > trackedSince ? createdAt : trackedSince),
      KeyCreationDate: toTimestamp(createdAt),
    };
  },
});
