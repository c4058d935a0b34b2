import { z } from 'zod';
import { daysAfter } from '../clock.ts';
import { keyWithIdNotAlias } from '../keys/key-id.ts';
import { assertState } from '../keys/key-state.ts';
import { assertNoReplica, updateRelated } from '../keys/multi-region.ts';
import { assertRotatesAutomatically } from '../keys/rotation.ts';
import { keyId } from '../protocol/members.ts';
import { operation } from '../protocol/operation.ts';

/** Has the material of a key replaced after every period, from now on. */
export const enableKeyRotation = operation({
  input: z.object({ KeyId: keyId, RotationPeriodInDays: z.int().min(90).max(2560).default(365) }),
  run({ KeyId, RotationPeriodInDays }, call) {
    const { account } = call;
    const key = keyWithIdNotAlias(call, KeyId);
    assertRotatesAutomatically(key);
    assertNoReplica(key);
    assertState(call, key, 'rotateOrReplicate');
    const nextAt = daysAfter(account.clock.now(), RotationPeriodInDays);
    updateRelated(account, key, { rotation: { periodDays: RotationPeriodInDays, nextAt } });
    return {};
  },
});
