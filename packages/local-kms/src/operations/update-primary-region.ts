import { z } from 'zod';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertState } from '../keys/key-state.ts';
import { assertPrimary, otherRegion, updateRelated } from '../keys/multi-region.ts';
import { KmsException } from '../kms-exception.ts';
import { keyId, regionName } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Makes a replica the primary key, and the primary key a replica. It takes the permission on both. */
export const updatePrimaryRegion = operation({
  input: z.object({ KeyId: keyId, PrimaryRegion: regionName }),
  run({ KeyId, PrimaryRegion }, call) {
    const primary = keyWithIdNotAlias(call, KeyId);
    assertPrimary(primary);
    const destination = otherRegion(call, PrimaryRegion);
    const successor = destination.keys.find(primary.id);
    if (!successor || PrimaryRegion === primary.region) {
      throw new KmsException(
        'NotFoundException',
        `The key ${primary.arn} has no replica in ${PrimaryRegion}.`,
      );
    }
    call.access(successor.arn, { kms: destination });
    assertState(call, primary, 'rotateOrReplicate');
    assertState(destination, successor, 'rotateOrReplicate');
    updateRelated(call.account, primary, { primaryRegion: PrimaryRegion });
    return {};
  },
});
